"""An own service: `vigil up` on free ports, started for tests and stopped after them."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple

import httpx

from devices.clock import Clock
from devices.identity import new_secret
from simulators.errors import SimulatorError

_LOGIN = "app-team"
_READY_WITHIN_S = 60.0
_STOP_WITHIN_S = 15.0
_COMMAND_WITHIN_S = 60.0
_TOLD = 2_000


class Started(NamedTuple):
    """Where it listens, and the token of a supervisor in it."""

    api_url: str
    broker_url: str
    token: str


@contextlib.contextmanager
def own_service(data_dir: Path, clock: Clock) -> Iterator[Started]:
    """Start a service in `data_dir`, with an organisation and a supervisor, and stop it in the end.

    Raises:
        SimulatorError: it does not start; the message holds what it said.
    """
    command = [_vigil(), "up", "--data-dir", str(data_dir), "--http-port", "0", "--mqtt-port", "0"]
    log = data_dir.with_name(f"{data_dir.name}.log")
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            found = _listeners(process, clock)
            if found is None:
                raise SimulatorError(f"vigil up did not start: {log.read_text()[-_TOLD:]}")
            yield Started(found["http"], found["mqtt"], _token(data_dir, found["http"]))
        finally:
            _stop(process)


def _listeners(process: "subprocess.Popen[str]", clock: Clock) -> dict[str, str] | None:
    """Return the addresses by name when it is ready, None if it ended or took too long."""
    lines: SimpleQueue[str] = SimpleQueue()
    # Reads on for ever: a service whose output nobody takes would stand still one day.
    Thread(target=_read_on, args=(process, lines), daemon=True).start()
    found: dict[str, str] = {}
    deadline_s = clock.monotonic_s() + _READY_WITHIN_S
    while (left_s := deadline_s - clock.monotonic_s()) > 0:
        try:
            said = lines.get(timeout=left_s).split()
        except Empty:
            return None
        if not said:
            return None
        if said == ["ready"]:
            return found
        if len(said) == 2:
            found[said[0]] = said[1]
    return None


def _read_on(process: "subprocess.Popen[str]", into: "SimpleQueue[str]") -> None:
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    for line in process.stdout:
        if line.strip():
            into.put(line)
    into.put("")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _token(data_dir: Path, api_url: str) -> str:
    """Add an organisation and a supervisor, and log in."""
    org = _run(data_dir, "org", "add", "--name", "Tests").split()[-1]
    password = new_secret()
    user = ("user", "add", "--org", org, "--login", _LOGIN, "--role", "supervisor", "--password-stdin")
    _run(data_dir, *user, stdin=password + "\n")
    said = {"username": _LOGIN, "password": password}
    answer = httpx.post(f"{api_url}/api/v1/session", json=said, trust_env=False)
    if answer.is_error:
        raise SimulatorError(f"cannot log in: {answer.status_code} {answer.text}")
    return str(answer.json()["token"])


def _run(data_dir: Path, *arguments: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        [_vigil(), *arguments, "--data-dir", str(data_dir)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=_COMMAND_WITHIN_S,
        check=False,
    )
    if done.returncode != 0:
        raise SimulatorError(f"vigil {' '.join(arguments[:2])}: {done.stderr.strip()}")
    return done.stdout


def _vigil() -> str:
    """Return the command of the Vigil that is installed beside this Python."""
    beside = Path(sys.executable).with_name("vigil")
    found = str(beside) if beside.exists() else shutil.which("vigil")
    if found is None:
        raise SimulatorError("the command `vigil` is not there: pip install it beside pytest")
    return found

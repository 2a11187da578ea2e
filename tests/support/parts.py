"""Parts: `vigil ingest`, `process`, `route` and `console` as processes, as operators run them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import httpx

from tests.support.kafka import ends_with_us
from tests.support.place import HERE, Place
from tests.support.waiting import PATIENCE_S

VIGIL = (str(Path(sys.executable).with_name("vigil")),)


class PartProcess:
    """One part, running in a process of its own on the data of `data_dir`."""

    def __init__(
        self,
        part: str,
        data_dir: Path,
        settings: Mapping[str, str],
        place: Place = HERE,
        http_port: int = 0,
        program: Sequence[str] = VIGIL,
    ) -> None:
        http = ("--http-host", place.host, "--http-port", str(http_port))
        self._command = [*place.through, *ends_with_us(), *program, part, "--data-dir", str(data_dir), *http]
        self.part = part
        self._settings = settings
        self._errors = data_dir.parent / f"{data_dir.name}-{part}.log"
        self.http_url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "PartProcess":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if kind is None and self.process.poll() is None:
                assert self.stop() == 0, self.errors()
        finally:
            self.kill()

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def begin(self) -> None:
        """Start it, without waiting for anything."""
        with self._errors.open("a") as errors:
            self._process = subprocess.Popen(
                self._command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, **self._settings},
                start_new_session=True,
            )

    def start(self) -> None:
        """Start it and wait until it says `ready`."""
        self.begin()
        self.await_ready()

    def await_ready(self) -> None:
        """Wait until it says `ready`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = line.split()
            if said[:1] == ["http"]:
                self.http_url = said[1]
            if said == ["ready"]:
                return
        raise AssertionError(f"{self.part} ended with {self.process.wait()}: {self.errors()[-2000:]}")

    def parts(self) -> dict[str, str]:
        """What `/readyz` says."""
        found: dict[str, str] = httpx.get(
            f"{self.http_url}/readyz", timeout=PATIENCE_S, trust_env=False
        ).json()["parts"]
        return found

    def pause(self) -> None:
        """Let it stand still."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again after `pause`."""
        self.process.send_signal(signal.SIGCONT)

    @property
    def runs(self) -> bool:
        """Whether it is there, standing still or not."""
        return self._process is not None and self._process.poll() is None

    def errors(self) -> str:
        """What it wrote to its standard error."""
        return self._errors.read_text()

    def stop(self) -> int:
        """Stop it with SIGTERM and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Kill -9 it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()


def refused(part: str, data_dir: Path, settings: Mapping[str, str]) -> str:
    """Start a part that must not start, and return the one line that it says."""
    done = subprocess.run(
        [*VIGIL, part, "--data-dir", str(data_dir), "--http-port", "0"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    said = done.stderr.strip().splitlines()
    assert len(said) == 1, done.stderr
    return said[0]

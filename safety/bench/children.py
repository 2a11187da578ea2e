"""Children: the processes that a benchmark starts, `vigil up` and the load generator, and always ends."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from safety.bench.errors import BenchFailed
from safety.bench.walks import WALKING

_READY_WITHIN_S = 60.0
_STOPS_WITHIN_S = 15.0
_LAST_WORDS = 1_000


class Addresses(NamedTuple):
    """Where a service listens on 127.0.0.1."""

    http_port: int
    mqtt_port: int


@asynccontextmanager
async def vigil_up(data_dir: Path) -> AsyncIterator[Addresses]:
    """A whole service on `data_dir` and free ports, as its users start it, for as long as the body runs.

    It gets an empty environment: what `VIGIL_*` says is meant for another one.
    """
    options = ("--data-dir", str(data_dir), "--http-port", "0", "--mqtt-port", "0")
    errors = data_dir.with_suffix(".log")
    with errors.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "safety.cli", "up", *options, stdout=PIPE, stderr=stderr, env={}
        )
    try:
        async with asyncio.timeout(_READY_WITHIN_S):
            addresses = await _until_ready(process, errors)
        yield addresses
    finally:
        await _end(process)


@asynccontextmanager
async def load(roster: Path, mqtt_port: int, rate_per_s: float) -> AsyncIterator[None]:
    """Fixes from all devices of `roster`, `rate_per_s` in total, from a process of its own.

    Raises:
        ExceptionGroup: of BenchFailed, if it ends before the body does.
    """
    words = roster.with_suffix(".log")
    with words.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "safety.bench.walks", str(roster), str(mqtt_port), f"{rate_per_s:g}"),
            stdin=PIPE,  # it ends when this end does, whatever becomes of us
            stdout=PIPE,
            stderr=stderr,
            env={},
        )
    try:
        async with asyncio.TaskGroup() as tasks:
            lasting = tasks.create_task(_last(process, words), name="load")
            await _until_said(process, WALKING)
            yield
            lasting.cancel()
    finally:
        await _end(process)


async def _last(process: Process, words: Path) -> None:
    code = await process.wait()
    raise BenchFailed(f"the load generator ended with code {code}: {await _last_words(words)}")


async def _until_said(process: Process, word: str) -> None:
    """Wait until `process` has said `word`; whoever watches over it tells if it ends instead."""
    if process.stdout is not None:
        async for line in process.stdout:
            if line.decode().strip() == word:
                return


async def _until_ready(process: Process, errors: Path) -> Addresses:
    ports: dict[str, int] = {}
    if process.stdout is None:
        raise BenchFailed("vigil up has no output")
    async for line in process.stdout:
        said = line.decode().split()
        if said == ["ready"]:
            return Addresses(ports["http"], ports["mqtt"])
        if len(said) == 2 and said[0] in {"http", "mqtt"}:
            ports[said[0]] = int(said[1].rsplit(":", 1)[1])
    code = await process.wait()
    raise BenchFailed(f"vigil up ended with code {code}: {await _last_words(errors)}")


async def _last_words(log: Path) -> str:
    return (await asyncio.to_thread(log.read_text))[-_LAST_WORDS:].strip()


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOPS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

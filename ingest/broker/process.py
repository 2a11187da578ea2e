"""The embedded broker as a process of its own: `python -m ingest.broker.process`.

It reads ingest's secret and the registry's database from the first two lines of its standard input, where
nobody else sees them, and lives no longer than that stays open: when the process that started it dies, by
whatever signal, the pipe ends and so does the broker.
"""

import argparse
import asyncio
import contextlib
import logging
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from devices.clock import SystemClock
from devices.patient_stream import patient
from devices.registry.database import open_database
from devices.registry.sql import SqlDeviceRegistry
from ingest.broker.broker import Broker
from ingest.broker.tls import TlsFiles, TlsGate
from ingest.limits import Limits

_SPARE_FILES = 200


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until standard input ends or SIGTERM comes."""
    parser = argparse.ArgumentParser(
        prog="python -m ingest.broker.process", description="Vigil's MQTT broker"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883, help="0 takes any free port")
    parser.add_argument("--tls-host", default="127.0.0.1")
    parser.add_argument("--tls-port", type=int, help="listen for TLS too; 0 takes any free port")
    parser.add_argument("--tls-certificate", type=Path, help="the broker's certificate (PEM)")
    parser.add_argument("--tls-key", type=Path, help="its key (PEM)")
    parser.add_argument("--tls-client-authority", type=Path, help="whose client certificates count (PEM)")
    parser.add_argument("--limits", default="{}", help="what one device may send, as JSON")
    given = parser.parse_args(arguments)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(patient(sys.stderr)),
    )
    # Ctrl-C reaches the whole process group; who started the broker stops it when its own work is done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    secret, database_url = sys.stdin.readline().strip(), sys.stdin.readline().strip()
    if not secret or not database_url:
        parser.error("standard input must begin with ingest's secret and the database's URL, a line each")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(given, secret, database_url))


async def _serve(given: argparse.Namespace, secret: str, database_url: str) -> None:
    gate = None
    if given.tls_port is not None:
        gate = TlsGate(TlsFiles(given.tls_certificate, given.tls_key, given.tls_client_authority))
    limits = msgspec.json.decode(given.limits, type=Limits)
    engine = open_database(database_url)
    broker = Broker(SqlDeviceRegistry(engine), secret, SystemClock(), _allow_connections(), limits)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    try:
        bound = [await broker.start(given.host, given.port)]
        if gate is not None:
            bound.append(await broker.start(given.tls_host, given.tls_port, gate))
    except OSError as error:
        # For whoever started the broker, which tells people.
        sys.stdout.write(f"cannot listen: {error}\n")
        engine.dispose()
        return
    sys.stdout.write(f"listening {' '.join(str(port) for port in bound)}\n")
    sys.stdout.flush()
    tending = loop.create_task(broker.run(), name="broker")
    orphaned = loop.create_task(_input_ended(), name="broker parent")
    stopping = loop.create_task(stopped.wait(), name="broker signal")
    try:
        done, _ = await asyncio.wait((tending, orphaned, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await broker.stop()
        for task in (tending, orphaned, stopping):
            task.cancel()
        engine.dispose()


async def _input_ended() -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass


def _allow_connections() -> int:
    """Ask the system for as many open files as it gives, and return how many connections that allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return 100_000
    return max(min(soft, 100_000) - _SPARE_FILES, 16)


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    main()

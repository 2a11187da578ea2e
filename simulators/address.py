"""Where things listen: brokers' addresses as people write them, and whether anybody is there."""

import asyncio
import os
from typing import NamedTuple
from urllib.parse import urlsplit

from devices.clock import Clock
from simulators.errors import BadAddress, SimulatorError
from simulators.telling import progress

_DEFAULT_PORT = 1883
_SCHEMES = ("mqtt", "tcp")
_TRY_EVERY_S = 0.2
TELL_AFTER_S = 2.0
"""Whoever waits for a connection for longer is told what for."""


class Broker(NamedTuple):
    """An MQTT broker over TCP."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Broker":
        """Read `mqtt://host:port`, `host:port` or `host`.

        Raises:
            BadAddress: `text` is no such address.
        """
        try:
            parts = urlsplit(text if "://" in text else f"mqtt://{text}")
            port = parts.port or _DEFAULT_PORT
        except ValueError as error:
            raise BadAddress(f"broker {text!r}: {error}") from error
        if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/"):
            raise BadAddress(f"broker {text!r}: expected mqtt://HOST:PORT or HOST:PORT")
        return cls(parts.hostname, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"mqtt://{host}:{self.port}"

    async def wait_for(self, clock: Clock, within_s: float) -> None:
        """Wait until somebody listens there, who may just be starting.

        Raises:
            SimulatorError: nobody did within `within_s`.
        """
        began_s, told = clock.monotonic_s(), False
        while True:
            try:
                _reader, writer = await asyncio.wait_for(
                    asyncio.open_connection(self.host, self.port), max(_TRY_EVERY_S, within_s)
                )
            except OSError as error:
                why = _reason(error)
            else:
                writer.close()
                return
            waited_s = clock.monotonic_s() - began_s
            if waited_s >= within_s:
                raise SimulatorError(f"cannot reach the broker at {self}: {why}")
            if waited_s >= TELL_AFTER_S and not told:
                told = True
                progress(f"nobody is at {self} yet, waiting for up to {within_s:g} s: {why}")
            await clock.sleep_s(_TRY_EVERY_S)


def _reason(error: OSError) -> str:
    """Return `Connection refused`, where asyncio says `Connect call failed`."""
    if isinstance(error, TimeoutError):
        return "it does not answer"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)

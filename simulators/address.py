"""Where things listen: brokers' addresses as people write them."""

from typing import NamedTuple
from urllib.parse import urlsplit

from simulators.errors import BadAddress

_DEFAULT_PORT = 1883
_SCHEMES = ("mqtt", "tcp")


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

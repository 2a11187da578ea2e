"""BrokerAddress: where an MQTT broker is, how to log in to it, and which MQTT it speaks."""

import ssl
from enum import Enum
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from ingest.errors import AuthorityUnusable

REFUSED = "$vigil/refused"
"""Where a broker, or who watches over it, tells what a device was refused: `ingest.refused.Refused`."""
BROUGHT = "$vigil/brought"
"""Below it the embedded broker hands over, with the name of who logged in, what a topic says of a device
by what others call it: `$vigil/brought/{login}/{the topic}`. Whether it may say so, admission decides."""
STATS = "$vigil/broker"
"""Where the embedded broker tells how it does, as `BrokerStats` in JSON."""


class MqttVersion(Enum):
    """The MQTT versions spoken here, by their protocol level."""

    V311 = 4
    V5 = 5


class BrokerAddress(msgspec.Struct, frozen=True, kw_only=True):
    """How to reach a broker.

    `embedded` tells that it is Vigil's own, which keeps devices to their limits and tells how it does.
    """

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    version: MqttVersion = MqttVersion.V5
    embedded: bool = False

    @classmethod
    def parse(cls, url: str, authority: Path | None = None) -> "BrokerAddress":
        """Return the outside broker at `mqtt://[user:password@]host[:port]`, or `mqtts://…` for TLS.

        TLS checks the broker's certificate against `authority` (PEM), or else the machine's authorities.

        Raises:
            AuthorityUnusable: `authority` cannot be read.
        """
        parts = urlsplit(url)
        secure = parts.scheme == "mqtts"
        return cls(
            host=parts.hostname or "",
            port=parts.port or (8883 if secure else 1883),
            username=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            tls=_trusting(authority) if secure else None,
        )

    def __repr__(self) -> str:
        return f"BrokerAddress({self.username or ''}@{self.host}:{self.port})"


def _trusting(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise AuthorityUnusable(f"{authority} cannot be used: {error}") from error


class BrokerStats(msgspec.Struct, frozen=True, kw_only=True):
    """How much there is of everything that grows in the embedded broker.

    `unclaimed` messages wait for ingest's first subscription; `backlog` ones for some client or its
    acknowledgement; `forgotten` commands gave way because their devices were away too long. `refusals`
    are counted by reason, since the broker started.
    """

    connections: int
    sessions: int
    unclaimed: int
    unsettled_bytes: int
    backlog: int
    forgotten: int
    refusals: dict[str, int]

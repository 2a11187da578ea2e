"""KafkaServers: where Kafka is, how to log in, and how topics are called there."""

import ssl
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

_SASL = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_EXPECTED = "expected kafka://[user:password@]host:port[,host:port], or kafkas://… for TLS"


class KafkaServers(NamedTuple):
    """A cluster: `servers` as host:port to begin with; `prefix` stands before each topic and group."""

    servers: tuple[str, ...]
    prefix: str = ""
    username: str | None = None
    password: str | None = None
    mechanism: str = "SCRAM-SHA-512"
    tls: bool = False

    @classmethod
    def parse(cls, url: str, prefix: str = "") -> "KafkaServers":
        """Read `kafka://[user:password@]host:port[,host:port…][?sasl=MECHANISM]`; `kafkas://` speaks TLS.

        Raises:
            ValueError: it is no such URL; says what was expected, and not what it holds.
        """
        parts = urlsplit(url)
        login, _, hosts = parts.netloc.rpartition("@")
        user, _, password = login.partition(":")
        servers = tuple(host for host in hosts.split(",") if host)
        mechanism = parse_qs(parts.query).get("sasl", ["SCRAM-SHA-512"])[0]
        named = [host.rpartition(":") for host in servers]
        usable = all(name and port.isascii() and port.isdigit() for name, _, port in named)
        if (
            parts.scheme not in ("kafka", "kafkas")
            or not servers
            or not usable
            or parts.path not in ("", "/")
        ):
            raise ValueError(_EXPECTED)
        if mechanism not in _SASL:
            raise ValueError(f"expected ?sasl= to be one of {', '.join(_SASL)}")
        return cls(
            servers,
            prefix,
            unquote(user) or None,
            unquote(password) or None,
            mechanism,
            parts.scheme == "kafkas",
        )

    def name(self, topic: str) -> str:
        """Return what `topic` is called over there."""
        return self.prefix + topic

    def options(self) -> dict[str, Any]:
        """Return what every client is opened with."""
        options: dict[str, Any] = {"bootstrap_servers": list(self.servers)}
        wire = "SSL" if self.tls else "PLAINTEXT"
        if self.username is not None:
            wire = f"SASL_{wire}"
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password
        if self.tls:
            options["ssl_context"] = ssl.create_default_context()
        return {**options, "security_protocol": wire}

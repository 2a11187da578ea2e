"""The types of settings: each refuses what cannot be used, and says what was expected."""

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from ingest.limits import MOST_PAYLOAD_BYTES
from ingest.log.kafka_servers import KafkaServers
from ingest.traccar_kafka import TraccarKafka

_HOST = re.compile(r"[A-Za-z0-9:._%-]{1,253}")
_HOST_NAME = re.compile(r"[A-Za-z0-9:._*-]{1,253}")


def is_host(text: str) -> bool:
    """Tell whether one can try to listen on `text`; on an empty one that is every address there is."""
    return _HOST.fullmatch(text) is not None


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # Python takes true for 1
    return value


def _host(value: str) -> str:
    if not is_host(value):
        raise ValueError("expected a host name or an IP address, e.g. 127.0.0.1, or 0.0.0.0 for all")
    return value


def _file(value: Path) -> Path:
    try:
        there = value.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        raise ValueError("expected a file that is there")
    return value


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://", "/")):
        raise ValueError("expected an http(s) URL, or a path on this server")
    return value


def _names_a_host(value: str, *schemes: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _public_url(value: str) -> str:
    if not _names_a_host(value, "http", "https") or "?" in value or "#" in value:
        raise ValueError("expected an http(s) URL without ? and #")
    return value


def _broker_url(value: str) -> str:
    if not _names_a_host(value, "mqtt", "mqtts"):
        raise ValueError("expected mqtt://[user:password@]host[:port] or mqtts://…")
    return value


def _host_names(value: str) -> str:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if any(not _HOST_NAME.fullmatch(name) for name in names):
        raise ValueError("expected host names or IP addresses with commas between")
    return ",".join(names)


def _database_url(value: str) -> str:
    if urlsplit(value).scheme != "postgresql":
        raise ValueError("expected postgresql://user:password@host[:port]/database")
    return value


def _kafka_url(value: str) -> str:
    KafkaServers.parse(value)
    return value


def _traccar_kafka_url(value: str) -> str:
    TraccarKafka.parse(value)
    return value


def _open_broker_url(value: str) -> str:
    if urlsplit(_broker_url(value)).username is not None:
        raise ValueError("expected mqtt[s]://host[:port] without a login: every device has its own")
    return value


Number = BeforeValidator(_no_boolean)
"""Put before the bounds of a number."""
Port = Annotated[int, Number, Field(ge=0, le=65535)]
"""A TCP port; 0 takes a free one."""
Rate = Annotated[float, Number, Field(gt=0, le=1e9)]
Size = Annotated[int, Number, Field(ge=1024, le=MOST_PAYLOAD_BYTES)]
"""Of a payload, bytes."""
Days = Annotated[int, Number, Field(ge=1, le=36_500)]
Host = Annotated[str, AfterValidator(_host)]
File = Annotated[Path, AfterValidator(_file)]
"""A file that is there when the settings are read."""
PublicBrokerUrl = Annotated[str, AfterValidator(_open_broker_url)]
BrokerUrl = Annotated[str, AfterValidator(_broker_url)]
HostNames = Annotated[str, AfterValidator(_host_names)]
TraccarKafkaUrl = Annotated[str, AfterValidator(_traccar_kafka_url)]
KafkaUrl = Annotated[str, AfterValidator(_kafka_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]

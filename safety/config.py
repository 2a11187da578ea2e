"""Settings: read once, from `vigil.toml` in the data directory and `VIGIL_*`; the environment wins.

ConfigError (a SafetyError) names the key and what was expected of it.
"""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ingest.limits import Limits
from safety.errors import SafetyError
from safety.setting_types import (
    BrokerUrl,
    DatabaseUrl,
    Days,
    File,
    Host,
    HostNames,
    HttpUrl,
    KafkaUrl,
    Number,
    Port,
    PublicBrokerUrl,
    PublicUrl,
    Rate,
    Size,
    TraccarKafkaUrl,
)

_PREFIX = "VIGIL_"
# May hold a password: never shown.
_SECRET = frozenset({"broker_url", "database_url", "kafka_url", "public_mqtt_url", "traccar_kafka_url"})
# Options of commands that may also come from the environment.
_NOT_SETTINGS = frozenset({"VIGIL_DATA_DIR", "VIGIL_TOKEN"})


class ConfigError(SafetyError):
    """A setting cannot be used; names its key and what was expected."""


class Settings(BaseSettings):
    """What can be set; every key is also `VIGIL_` and its name in capitals. Units are in the names."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="forbid", frozen=True)

    # --- listeners; options of the command line win over them
    http_host: Host = "127.0.0.1"
    http_port: Port = 8000
    mqtt_host: Host = "127.0.0.1"
    mqtt_port: Port = 1883
    mqtts_host: Host = "127.0.0.1"
    mqtts_port: Port | None = None
    """Where the embedded broker listens for TLS. None: it does not."""
    mqtts_names: HostNames = ""
    """Under which names devices reach it, with commas between; this machine's own go without saying."""
    mqtts_certificate: File | None = None
    mqtts_key: File | None = None
    """PEM files to use instead of a certificate from `vigil ca`."""
    public_url: PublicUrl | None = None
    """Where people reach the console; goes into notifications. None: made of http_host and http_port."""

    public_mqtt_url: PublicBrokerUrl | None = None
    """Where devices reach the broker, `mqtt[s]://host[:port]`; goes into what sets phones up. None: the host
    of public_url, and the port of the broker."""

    broker_url: BrokerUrl | None = None
    """An outside broker, `mqtt://user:password@host:1883` or `mqtts://…`. None: the embedded one."""
    broker_authority: File | None = None
    """Whose certificate the outside broker shows (PEM), as `vigil ca` makes one. None: the machine's."""
    database_url: DatabaseUrl | None = None
    """PostgreSQL for the store, `postgresql://user:password@host/vigil`. None: SQLite, with the data."""
    kafka_url: KafkaUrl | None = None
    """Kafka for the log, `kafka://host:9092,host:9092` or `kafkas://user:password@…`. None: SQLite."""
    kafka_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,100}$")] = "vigil."
    """Stands before the names of topics and groups, where a cluster is shared."""
    kafka_partitions: Annotated[int, Number, Field(ge=1, le=1000)] = 12
    """Of each topic; as many processes can share the work. Cannot be changed once topics are made."""
    kafka_copies: Annotated[int, Number, Field(ge=1, le=9)] | None = None
    """Of each partition of a new topic. None: one a node, three at most."""
    process_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = None
    """With Kafka, what `vigil process` is called: started again within seconds it gets back what it had."""
    traccar_kafka_url: TraccarKafkaUrl | None = None
    """A Kafka to which a Traccar server forwards, `kafka://host:9092?gateway=gtw_…`. None: it does not."""

    # --- what one device may send; docs/security.md says what happens beyond
    device_messages_per_s: Rate = Limits().messages_per_s
    device_bytes_per_s: Rate = Limits().bytes_per_s
    device_alarms_per_s: Rate = Limits().urgent_per_s
    device_payload_bytes: Size = Limits().payload_bytes

    secure_cookie: bool = False
    """Set behind TLS: browsers then never send the session in the clear."""

    # --- the map; without tiles_url it is drawn without a background and needs no network
    tiles_url: HttpUrl | None = None
    tiles_attribution: str = ""
    tiles_datum: Literal["wgs84", "gcj02", "bd09"] = "wgs84"

    # --- sessions of people at the console
    session_ttl_s: Annotated[float, Number, Field(ge=60, le=30 * 86_400)] = 12 * 3600

    # --- how long what happened is kept
    keep_log_days: Days = 30
    keep_tracks_days: Days = 90
    """Where nurses were, and where each was last."""
    keep_alerts_days: Days = 1095
    """Closed alerts with their timelines, counted from the last thing that happened to them."""

    # --- what is told to the operator
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "text", "json"] = "auto"
    """`auto`: text on a terminal, else JSON lines."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What the file says is passed in; the environment wins over it."""
        return env_settings, init_settings


def load_settings(data_dir: Path) -> Settings:
    """Read the settings of the service whose data is in `data_dir`.

    Raises:
        ConfigError: a key is unknown, or a value is not what was expected.
    """
    path = data_dir / "vigil.toml"
    known = set(Settings.model_fields)
    for variable in sorted(os.environ):
        if variable.startswith(_PREFIX) and variable not in _NOT_SETTINGS:
            _refuse_unknown(variable, {_PREFIX + key.upper() for key in known})
    written = _read_toml(path)
    for key in written:
        _refuse_unknown(key, known, f"{path}: ")
    try:
        return Settings(**written)
    except ValidationError as error:
        raise ConfigError(_explain(error, path)) from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _refuse_unknown(key: str, known: set[str], where: str = "") -> None:
    if key in known:
        return
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    expected = f"did you mean {close[0]}?" if close else f"expected one of {', '.join(sorted(known))}"
    raise ConfigError(f"{where}unknown setting {key[:80]}: {expected}")


def _explain(error: ValidationError, path: Path) -> str:
    """Tell the first fault in one line: where it was set, its key, what was expected."""
    fault = error.errors(include_url=False)[0]
    key = str(fault["loc"][0])
    variable = _PREFIX + key.upper()
    where = variable if variable in os.environ else f"{path}: {key}"
    expected = fault["msg"].removeprefix("Value error, ")
    given = "" if key in _SECRET else f", not {str(fault['input'])[:80]!r}"
    return f"{where}: {expected[0].lower()}{expected[1:]}{given}"

"""`vigil up`, its parts as commands of their own, and `vigil init`."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from devices.clock import SystemClock
from ingest.log.kafka_servers import KafkaServers
from safety.cli.common import DEFAULT_DATA_DIR, DataDir, open_store, prepare_data_dir, private_files

if TYPE_CHECKING:
    from safety.split import Name


def register(app: typer.Typer, panel: str) -> None:
    """Put the commands on `app`."""
    app.command(rich_help_panel=panel)(up)
    for part in (ingest, process, route, console):
        app.command(rich_help_panel=panel)(part)
    app.command(rich_help_panel=panel)(init)


def _host(host: str | None) -> str | None:
    from safety.setting_types import is_host

    if host is not None and not is_host(host):
        raise typer.BadParameter(f"{host!r} is no host: expected a name or an IP address, or 0.0.0.0 for all")
    return host


HttpPort = Annotated[
    int | None,
    typer.Option("--http-port", min=0, max=65535, metavar="PORT", help="Health and figures: any free one."),
]
HttpHost = Annotated[
    str | None,
    typer.Option(
        "--http-host", metavar="HOST", callback=_host, help="Where HTTP listens: 127.0.0.1 unless set."
    ),
]
MqttHost = Annotated[
    str | None,
    typer.Option(
        "--mqtt-host", metavar="HOST", callback=_host, help="Where MQTT listens: 127.0.0.1 unless set."
    ),
]


def up(
    http_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="The console and the API: 8000 unless set."),
    ] = None,
    mqtt_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="The devices' broker: 1883 unless set."),
    ] = None,
    http_host: HttpHost = None,
    mqtt_host: MqttHost = None,
    mqtts_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="The same broker behind TLS: off unless set."),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="With an organisation in Shanghai and simulated devices.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Start the whole service on this machine; it says `ready`, and stops on Ctrl-C or SIGTERM.

    Settings are read from vigil.toml in the data directory and from VIGIL_*; options win over both.
    """
    from safety.config import load_settings

    settings = load_settings(prepare_data_dir(data_dir))
    from safety.up import up as run

    with private_files():
        code = run(
            data_dir,
            settings,
            http_host=http_host if http_host is not None else settings.http_host,
            http_port=http_port if http_port is not None else settings.http_port,
            mqtt_host=mqtt_host if mqtt_host is not None else settings.mqtt_host,
            mqtt_port=mqtt_port if mqtt_port is not None else settings.mqtt_port,
            mqtts_port=mqtts_port if mqtts_port is not None else settings.mqtts_port,
            demo=demo,
        )
    raise typer.Exit(code)


def ingest(
    http_port: HttpPort = None, http_host: HttpHost = None, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Run ingest alone: devices in over MQTT (broker_url) and HTTP, into the log."""
    _run_part("ingest", data_dir, http_host, http_port or 0)


def process(
    http_port: HttpPort = None, http_host: HttpHost = None, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Run the engine alone: from the log to alerts in the store."""
    _run_part("process", data_dir, http_host, http_port or 0)


def route(
    http_port: HttpPort = None, http_host: HttpHost = None, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Run routing alone: tells people of alerts, and devices what became of theirs; several may run."""
    _run_part("route", data_dir, http_host, http_port or 0)


def console(
    http_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="The console and the API: 8000 unless set."),
    ] = None,
    http_host: HttpHost = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Run the console alone: the page, its API and the live feed; several may run."""
    _run_part("console", data_dir, http_host, http_port)


def _run_part(name: "Name", data_dir: Path, http_host: str | None, http_port: int | None) -> NoReturn:
    from safety.config import load_settings

    settings = load_settings(prepare_data_dir(data_dir))
    from safety.running import Listener
    from safety.split import run_part

    http = Listener(
        http_host if http_host is not None else settings.http_host,
        http_port if http_port is not None else settings.http_port,
    )
    with private_files():
        code = run_part(name, data_dir, settings, http)
    raise typer.Exit(code)


def init(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Create the store, or bring it to this version, and Kafka's topics with it; safe to repeat.

    `up` does it by itself.
    """
    from safety.config import load_settings

    settings = load_settings(prepare_data_dir(data_dir))
    with open_store(data_dir):
        where = f"in {data_dir}" if settings.database_url is None else "on PostgreSQL"
        typer.echo(f"the store {where} is ready")
    if settings.kafka_url is not None:
        from ingest.log.kafka_topics import log_topics, prepare_topics

        servers = KafkaServers.parse(settings.kafka_url, settings.kafka_prefix)
        topics = log_topics(settings.kafka_partitions, settings.keep_log_days)
        for said in asyncio.run(prepare_topics(servers, SystemClock(), topics, settings.kafka_copies)):
            typer.echo(said)
        typer.echo(f"the topics on {', '.join(servers.servers)} are ready")

"""How commands show what sets a device up: its link, a QR code of it, and the same to be typed in."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from devices.registry.port import Device
from safety.cli.common import prepare_data_dir
from safety.domain.enrolment import Enrolment, Reach, enrol

Qr = Annotated[
    bool, typer.Option("--qr", help="Show what sets it up: a QR code for the phone, and the same as a link.")
]
_HERE_ONLY = frozenset({"127.0.0.1", "localhost", "::1", "0.0.0.0", "::"})  # noqa: S104  # compared, not bound


def reach_of(data_dir: Path) -> Reach:
    """Return where devices reach the service on `data_dir`: as it was started last, else by its settings."""
    from safety.config import load_settings
    from safety.listening import Listening, read_listening
    from safety.reach import addresses_of

    settings = load_settings(prepare_data_dir(data_dir))
    heard = read_listening(data_dir)
    if heard is None:
        heard = Listening(f"{settings.http_host}:{settings.http_port}", settings.mqtt_port)
    return addresses_of(settings, heard.mqtt_port).reach(f"http://{heard.http}")


def enrolment_of(device: Device, secret: str, data_dir: Path) -> Enrolment:
    """Return what sets `device` up."""
    return enrol(device.id, device.codec, device.external_id, secret, reach_of(data_dir))


def show_enrolment(made: Enrolment, data_dir: Path) -> None:
    """Print the QR code and the link; where there is none, what is to be entered at the gateway."""
    from safety.qr import as_blocks

    if made.link is None:
        for name, value in made.settings.items():
            typer.echo(f"{name}: {value}")
        typer.echo(f"nothing is set up on the device itself: what it says comes by way of {made.app}")
        return
    typer.echo(as_blocks(made.link), nl=False)
    typer.echo(f"link (holds the secret): {made.link}")
    reach = reach_of(data_dir)
    if {urlsplit(reach.mqtt_url).hostname, urlsplit(reach.http_url).hostname} & _HERE_ONLY:
        typer.echo(f"note: {reach.http_url} is found on this machine only: set public_url", err=True)

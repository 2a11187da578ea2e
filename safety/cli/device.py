"""`vigil device`: the devices, whose they are, and how they prove it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from safety.cli import fleet
from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    reading,
    show_added,
    show_json,
    show_list,
    shown,
    writing,
)
from safety.cli.enrolment import Qr, enrolment_of, show_enrolment
from safety.cli.options import NurseId, OptionalOrg, codec_of, only_of

app = typer.Typer(no_args_is_help=True, help="Devices: phones, recorders and buttons.")

DeviceId = Annotated[str, typer.Argument(metavar="ID", help="The device.")]


@app.command()
def add(
    kind: Annotated[Literal["phone", "recorder", "button"], typer.Option(help="What it is.")],
    nurse: NurseId,
    codec: Annotated[str, typer.Option(help="The dialect it speaks.")] = "native",
    external_id: Annotated[
        str | None, typer.Option(metavar="ID", help="What its gateway calls it, e.g. a DevEUI.")
    ] = None,
    qr: Qr = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Add a device; prints its secret, this once, and its id."""
    from safety.store.fleet import CODECS, register_device

    codec_of(codec, CODECS)
    with writing(data_dir) as desk:
        device, secret = register_device(
            desk.connection, kind=kind, nurse=nurse, codec=codec, external_id=external_id, **desk.by
        )
    made = enrolment_of(device, secret, data_dir)
    if as_json:
        link = {"app": made.app, "link": made.link, "settings": made.settings}
        show_json({"id": device.id, "secret": secret, **shown(device), **link})
        return
    typer.echo(f"added {kind} of {nurse}")
    typer.echo(f"secret (shown only now): {secret}")
    if qr:
        show_enrolment(made, data_dir)
    typer.echo(device.id)


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the devices."""
    from safety.store.fleet import list_devices

    with reading(data_dir) as desk:
        devices = [shown(device) for device in list_devices(desk.connection, orgs=only_of(desk, org))]
    show_list(devices, ("id", "kind", "nurse", "org", "codec", "external_id", "revoked"), as_json)


@app.command()
def rotate(
    device: DeviceId, qr: Qr = False, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Give a device a new secret and print it, this once; the old one stops working."""
    from safety.store.fleet import find_device, rotate_device

    with writing(data_dir) as desk:
        secret = rotate_device(desk.connection, device, **desk.by)
        known = find_device(desk.connection, device)
    made = enrolment_of(known, secret, data_dir)
    if as_json:
        link = {"app": made.app, "link": made.link, "settings": made.settings}
        show_json({"id": device, "secret": secret, **link})
        return
    if qr:
        show_enrolment(made, data_dir)
    typer.echo(f"new secret of {device} (shown only now):")
    typer.echo(secret)


@app.command()
def revoke(device: DeviceId, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Refuse a device from now on, as when it is lost."""
    from safety.store.fleet import find_device, withdraw_device

    with writing(data_dir) as desk:
        withdraw_device(desk.connection, device, **desk.by)
        revoked = find_device(desk.connection, device)
    show_added(shown(revoked), as_json, "revoked")


@app.command()
def cert(
    device: DeviceId,
    out: Annotated[
        Path | None,
        typer.Option(file_okay=False, metavar="DIR", help="Where to; tls/devices/ID in the data directory."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, metavar="N", help="How long it is valid.")] = 365,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Issue a certificate with which a device logs in instead of its secret; prints its files.

    Its key is kept nowhere else: carry the files to the device and delete them here. A certificate ends
    when its time is over, with `device rotate`, and with `device revoke`.
    """
    from safety.store.certificates import certify_device
    from safety.trust import Trust

    trust = Trust(data_dir)
    authority = trust.authority()
    with writing(data_dir) as desk:
        made = certify_device(desk.connection, authority, device, days, **desk.by)
    key, certificate, ca = trust.write_device(device, made, out)
    if as_json:
        show_json({"id": device, "key": str(key), "certificate": str(certificate), "authority": str(ca)})
    else:
        for file in (key, certificate, ca):
            typer.echo(file)


@app.command()
def bind(
    device: DeviceId, nurse: NurseId, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR
) -> None:
    """Hand a device to another nurse."""
    from safety.store.fleet import hand_device

    with writing(data_dir) as desk:
        bound = hand_device(desk.connection, device, nurse, **desk.by)
    show_added(shown(bound), as_json, f"bound to {nurse}")


fleet.register(app)

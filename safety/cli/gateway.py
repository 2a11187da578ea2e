"""`vigil gateway`: the servers that bring what many devices say, and how they prove it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    reading,
    show_added,
    show_json,
    show_list,
    writing,
)
from safety.cli.options import OptionalOrg, OrgId, codec_of, only_of

if TYPE_CHECKING:
    from sqlalchemy import Row

app = typer.Typer(no_args_is_help=True, help="Gateways: servers that bring what many devices say.")

GatewayId = Annotated[str, typer.Argument(metavar="ID", help="The gateway.")]


@app.command()
def add(
    org: OrgId,
    codec: Annotated[str, typer.Option(metavar="DIALECT", help="traccar, chirpstack, jt808 or gb28181.")],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="What people call it.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Add a gateway; prints its secret, this once, and its id.

    It may speak for the devices of its own dialect in its organisation and those below, and for nothing else.
    """
    from safety.store.gateways import CODECS, add_gateway

    codec_of(codec, CODECS)
    with writing(data_dir) as desk:
        gateway, secret = add_gateway(desk.connection, org=org, codec=codec, name=name, **desk.by)
    added = {"id": gateway.id, "secret": secret, **_shown(gateway)}
    show_added(added, as_json, f"added {codec} gateway of {org}", f"secret (shown only now): {secret}")


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the gateways."""
    from safety.store.gateways import all_gateways

    with reading(data_dir) as desk:
        only_of(desk, org)
        gateways = [_shown(gateway) for gateway in all_gateways(desk.connection, org)]
    show_list(gateways, ("id", "name", "org", "codec", "revoked"), as_json)


@app.command()
def rotate(gateway: GatewayId, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Give a gateway a new secret and print it, this once; the old one stops working."""
    from safety.store.gateways import rotate_gateway

    with writing(data_dir) as desk:
        secret = rotate_gateway(desk.connection, gateway, **desk.by)
    if as_json:
        show_json({"id": gateway, "secret": secret})
    else:
        typer.echo(f"new secret of {gateway} (shown only now):")
        typer.echo(secret)


@app.command()
def revoke(gateway: GatewayId, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Refuse a gateway from now on."""
    from safety.store.gateways import revoke_gateway

    with writing(data_dir) as desk:
        revoked = revoke_gateway(desk.connection, gateway, **desk.by)
    show_added(_shown(revoked), as_json, "revoked")


def _shown(gateway: "Row[Any]") -> dict[str, Any]:
    revoked = gateway.revoked_ms is not None
    return {
        "id": gateway.id,
        "name": gateway.name,
        "org": gateway.org,
        "codec": gateway.codec,
        "revoked": revoked,
    }

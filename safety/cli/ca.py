"""`vigil ca`: the small authority that signs the broker's certificate and the devices'."""

from typing import Annotated

import typer

from safety.cli.common import DEFAULT_DATA_DIR, AsJson, DataDir, now_ms, prepare_data_dir, show_json

app = typer.Typer(no_args_is_help=True, help="The authority behind the devices' certificates.")


@app.callback()
def ca() -> None:
    """The authority behind the devices' certificates."""


@app.command()
def init(
    name: Annotated[str, typer.Option(metavar="N", help="What it is called in certificates.")] = "Vigil",
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make the authority, once; prints its files. Whoever has its key can be any device."""
    from safety.trust import Trust

    files = Trust(prepare_data_dir(data_dir)).create(name, now_ms())
    if as_json:
        show_json({"certificate": str(files[0]), "key": str(files[1])})
    else:
        for file in files:
            typer.echo(file)


@app.command()
def show(as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Tell who the authority is, and until when it and the broker's certificate last."""
    from devices.certificates import CertificateFacts, read_certificate
    from devices.rfc3339 import rfc3339
    from safety.trust import Trust

    trust = Trust(data_dir)

    def told(facts: CertificateFacts) -> dict[str, object]:
        return {"name": facts.common_name, "serial": facts.serial, "until": rfc3339(facts.until_ms)}

    shown = {"authority": told(read_certificate(trust.authority().certificate))}
    if trust.server_file.exists():
        server = read_certificate(trust.server_file.read_bytes())
        shown["broker"] = {**told(server), "names": sorted(server.names)}
    if as_json:
        show_json(shown)
        return
    for what, facts in shown.items():
        typer.echo(f"{what}: {facts['name']}, until {facts['until']}, serial {facts['serial']}")

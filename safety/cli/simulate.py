"""`vigil simulate`: a scenario played by devices from outside, in a process of their own."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from safety.cli.common import DEFAULT_DATA_DIR, DataDir, Desk, writing

_LOGIN = "simulator"
_DEVICE_ID = re.compile(rb'"(dev_\w+)"')
_TOKEN_TTL_S = 12 * 3600.0
# Beside this package in a checkout and where it is installed; nothing of the simulators is imported here.
_SHIPPED = Path(__file__).parents[2] / "simulators" / "scenarios"


def register(app: typer.Typer, panel: str) -> None:
    """Put the command on `app`."""
    app.command(rich_help_panel=panel)(simulate)


def simulate(
    scenario: Annotated[
        Path,
        typer.Argument(metavar="SCENARIO.yaml", help="What happens: a file, or panic, lost_signal, button."),
    ],
    broker: Annotated[
        str | None, typer.Option(metavar="URL", help="mqtt://127.0.0.1:1883 unless said.")
    ] = None,
    api: Annotated[str | None, typer.Option(metavar="URL", help="http://127.0.0.1:8000 unless said.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed plays the same scenario.")] = None,
    speed: Annotated[float | None, typer.Option(metavar="X", help="2 plays twice as fast.")] = None,
    connect_s: Annotated[
        float | None, typer.Option("--connect-s", metavar="S", help="How long connecting may take; 10 s.")
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the outcome as JUnit XML.")
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="VIGIL_TOKEN",
            help="A bearer token; else one is made where the service's data directory is.",
        ),
    ] = None,
    devices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Credentials: what `vigil device add --json` printed."),
    ] = None,
    variable: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="For ${NAME} in the scenario.")
    ] = None,
    journal: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append what was sent and heard.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Play simulated devices against a running service; exits 0 only if every expectation held."""
    # What is not there the simulators refuse, who also say so in the file for --junit.
    there = scenario.exists() or (_SHIPPED / scenario / "scenario.yaml").is_file()
    if token is None and there and (data_dir / "vigil.db").exists():
        with writing(data_dir) as desk:
            token = make_token(desk, org_of(desk, devices) if devices is not None else None)
    options = {
        "--broker": broker,
        "--api": api,
        "--seed": seed,
        "--speed": speed,
        "--connect-s": connect_s,
        "--junit": junit,
        "--devices": devices,
        "--journal": journal,
    }
    arguments = [f"{option}={value}" for option, value in options.items() if value is not None]
    arguments += [f"--set={each}" for each in variable or ()]
    if token is not None:
        os.putenv("VIGIL_TOKEN", token)  # arguments are for everybody on the machine to read
    sys.stdout.flush()
    # The simulators are outsiders: they take this process's place, its signals and its exit code.
    command = [sys.executable, "-m", "simulators.run", *arguments, "--", str(scenario)]
    os.execv(sys.executable, command)  # noqa: S606 - there is no shell


def org_of(desk: Desk, devices: Path) -> str | None:
    """Return whose the devices of a file of credentials are; None if nobody here knows them.

    Raises:
        InvalidInput: they are of several organisations, and no one token shows what all of them cause.
    """
    from safety.errors import InvalidInput
    from safety.store.fleet import list_devices

    # A file that is not there, or no file of credentials, the simulators refuse.
    named = set(_DEVICE_ID.findall(devices.read_bytes())) if devices.is_file() else set()
    known = list_devices(desk.connection, orgs=None)
    orgs = sorted({device.org for device in known if device.id.encode() in named})
    if len(orgs) > 1:
        raise InvalidInput(
            f"the devices in {devices} are of {', '.join(orgs)}: give --token of somebody above them all"
        )
    return orgs[0] if orgs else None


def make_token(desk: Desk, org: str | None) -> str:
    """Make a token for the simulators' own supervisor in `org`; with both, where they are missing.

    Without one it is the organisation where they have been before, or the oldest.
    """
    from devices.identity import new_secret
    from safety.store.changes import record_change
    from safety.store.orgs import add_org, lineage, list_orgs
    from safety.store.sessions import create_session
    from safety.store.users import add_user, find_user

    connection = desk.connection
    login, user = _LOGIN, find_user(connection, _LOGIN)
    if user is not None and org is not None and user.org not in lineage(connection, org):
        login = f"{_LOGIN}-{org}"
        user = find_user(connection, login)
    if user is None:
        if org is None:
            known = list_orgs(connection)
            org = known[0].id if known else add_org(connection, name="Simulation", **desk.by)
        # Nobody learns this password: the simulators only ever get tokens.
        identity = add_user(connection, org, login, "supervisor", new_secret(), desk.now_ms)
        record_change(connection, "user_added", identity, org=org, detail={"role": "supervisor"}, **desk.by)
    else:
        identity, org = user.id, user.org
    record_change(connection, "token_created", identity, org=org, **desk.by)
    return create_session(connection, identity, _TOKEN_TTL_S, desk.now_ms)

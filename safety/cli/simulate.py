"""`vigil simulate`: a scenario played by devices from outside, in a process of their own."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer, panel: str) -> None:
    """Put the command on `app`."""
    app.command(rich_help_panel=panel)(simulate)


def simulate(
    scenario: Annotated[
        Path, typer.Argument(metavar="SCENARIO.yaml", exists=True, dir_okay=False, help="What happens.")
    ],
    broker: Annotated[str | None, typer.Option(metavar="URL", help="mqtt://127.0.0.1:1883")] = None,
    api: Annotated[str | None, typer.Option(metavar="URL", help="http://127.0.0.1:8000")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed plays the same scenario.")] = None,
    speed: Annotated[float | None, typer.Option(metavar="X", help="2 plays twice as fast.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a JUnit report.")] = None,
) -> None:
    """Play simulated devices against a running service; exits 0 only if every expectation held."""
    arguments = [str(scenario)]
    for option, value in (
        ("--broker", broker),
        ("--api", api),
        ("--seed", seed),
        ("--speed", speed),
        ("--junit", junit),
    ):
        if value is not None:
            arguments += [option, str(value)]
    sys.stdout.flush()
    # The simulators are outsiders: they take this process's place, its signals and its exit code.
    os.execv(sys.executable, [sys.executable, "-m", "simulators.run", *arguments])  # noqa: S606 - no shell

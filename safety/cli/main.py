"""`vigil`: the console script, put together from one module per noun."""

import re
import sys
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from devices.errors import DeviceError
from ingest.errors import IngestError
from safety.cli import (
    audit,
    backup,
    bench,
    broker,
    ca,
    device,
    device_tell,
    fence,
    gateway,
    nurse,
    org,
    policy,
    replay,
    responder,
    service,
    simulate,
    token,
    user,
    visit,
)
from safety.cli.common import DEFAULT_DATA_DIR, DataDir, Failure
from safety.errors import SafetyError

EXPECTED = (SafetyError, DeviceError, IngestError, OSError)
# What an argument's bytes become that are no UTF-8.
_SURROGATE = re.compile("[\udc80-\udcff]")
RUN, PEOPLE, DEVICES, TRY = "Run", "People and visits", "Devices", "Try and measure"
_PEOPLE = {
    "org": org,
    "nurse": nurse,
    "visit": visit,
    "fence": fence,
    "responder": responder,
    "policy": policy,
    "user": user,
    "token": token,
}
COMMANDS = (
    "up",
    "ingest",
    "process",
    "route",
    "console",
    "init",
    "backup",
    *_PEOPLE,
    "device",
    "gateway",
    "ca",
    "broker",
    "simulate",
    "bench",
    "replay",
    "audit",
)


class VigilGroup(TyperGroup):
    """The root command: tells an expected failure in one line on stderr and exits 1."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the commands in the order of the help page."""
        return list(COMMANDS)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read our output has had enough
        except EXPECTED as error:
            fail(error)
        except UnicodeEncodeError as error:
            # What was typed was no UTF-8, and went as far as the store.
            if not _SURROGATE.search(str(error.object)):
                raise
            fail(Failure(f"{str(error.object)[:80]!r} holds an undecodable byte: expected UTF-8 text"))
        except ExceptionGroup as group:
            # A task group wraps what stopped the service; an unexpected one among them keeps its traceback.
            expected, others = group.split(EXPECTED)
            if expected is None or others is not None:
                raise
            fail(first_leaf(expected))


def first_leaf(error: Exception) -> Exception:
    """Return the first exception inside `error` that is not a group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def fail(error: Exception) -> NoReturn:
    """Tell `error` in one line on stderr and exit 1."""
    typer.echo(f"vigil: {' '.join(str(error).split())}", err=True)
    raise typer.Exit(1) from error


app = typer.Typer(
    name="vigil",
    cls=VigilGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def vigil(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Home-visit nurse safety: from a device's alarm to a dispatcher's screen and back.

    \b
    Three lines to begin with:
      vigil up --demo               the whole service, with simulated nurses
      vigil org add --name "Care"   your own organisation; then nurse, device
      vigil COMMAND --help          what a command does, and its options
    """


service.register(app, panel=RUN)
backup.register(app, panel=RUN)
for name, module in _PEOPLE.items():
    app.add_typer(module.app, name=name, rich_help_panel=PEOPLE)
device_tell.register(device.app)
app.add_typer(device.app, name="device", rich_help_panel=DEVICES)
app.add_typer(gateway.app, name="gateway", rich_help_panel=DEVICES)
app.add_typer(ca.app, name="ca", rich_help_panel=DEVICES)
app.add_typer(broker.app, name="broker", rich_help_panel=DEVICES)
simulate.register(app, panel=TRY)
bench.register(app, panel=TRY)
replay.register(app, panel=TRY)
app.add_typer(audit.app, name="audit", rich_help_panel=TRY)


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 bad usage."""
    sys.exit(app(prog_name="vigil"))

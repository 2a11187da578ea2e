"""The help page lists every command, so that nothing exists unseen."""

from typer.main import get_command

from safety.cli.main import COMMANDS, app


def test_every_command_is_on_the_help_page() -> None:
    root = get_command(app)
    assert set(root.commands) == set(COMMANDS)  # type: ignore[attr-defined]  # the root is a group

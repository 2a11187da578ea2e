"""`vigil user`: the people at the console."""

import sys
from typing import Annotated, Literal

import typer

from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    Desk,
    Failure,
    reading,
    show_added,
    show_list,
    shown,
    writing,
)
from safety.cli.options import OptionalOrg, OrgId, only_of

app = typer.Typer(no_args_is_help=True, help="Users: the people at the console.")

_LONGEST_LINE_BYTES = 8192


@app.command()
def add(
    org: OrgId,
    login: Annotated[str, typer.Option(help="The name to log in with.")],
    role: Annotated[
        Literal["dispatcher", "supervisor", "admin", "auditor"], typer.Option(help="What they may do.")
    ],
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin", help="Read the password from the first line of stdin; else one is made."
        ),
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Add a user and print the id; a password that was made is printed once, before it."""
    from devices.identity import new_secret

    password = _read_password() if password_stdin else _readable(new_secret())
    with writing(data_dir) as desk:
        identity = _add(desk, org, login, role, password)
    added = {"id": identity, "login": login, "role": role, "org": org}
    if password_stdin:
        show_added(added, as_json, f"added {role} {login}")
    else:
        show_added(
            {**added, "password": password},
            as_json,
            f"added {role} {login}",
            f"password (shown only now): {password}",
        )


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the users."""
    from sqlalchemy import select, true

    from safety.store.tables import users

    columns = (users.c.id, users.c.login, users.c.role, users.c.org, users.c.disabled_ms)
    with reading(data_dir) as desk:
        only_of(desk, org)
        wanted = users.c.org == org if org is not None else true()
        rows = desk.connection.execute(select(*columns).where(wanted).order_by(users.c.login)).all()
    show_list([shown(row._asdict()) for row in rows], ("id", "login", "role", "org", "disabled_at"), as_json)


def _add(desk: Desk, org: str, login: str, role: str, password: str) -> str:
    from safety.store.changes import record_change
    from safety.store.users import add_user

    identity = add_user(desk.connection, org, login, role, password, desk.now_ms)
    record_change(desk.connection, "user_added", identity, org=org, detail={"role": role}, **desk.by)
    return identity


def _read_password() -> str:
    """Return the first line of stdin; one that is too long for a password is cut, and still too long.

    Raises:
        Failure: there is no stdin, or the line is not UTF-8.
    """
    if sys.stdin is None:  # it was closed before we began
        raise Failure("the password cannot be read: stdin is closed")
    try:
        line = sys.stdin.buffer.readline(_LONGEST_LINE_BYTES)
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        # Without its cause, which holds the password.
        raise Failure("the password holds an undecodable byte: expected UTF-8 text") from None
    except (OSError, ValueError) as error:
        raise Failure(f"the password cannot be read from stdin: {error}") from error


def _readable(secret: str) -> str:
    """Return 80 bits of `secret` in groups that can be read out and typed."""
    return "-".join(secret[start : start + 5] for start in range(0, 20, 5))

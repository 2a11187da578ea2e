"""`vigil token`: bearer tokens for scripts."""

from typing import TYPE_CHECKING, Annotated

import typer

from devices.rfc3339 import rfc3339
from safety.cli.common import DEFAULT_DATA_DIR, AsJson, DataDir, Failure, show_json, writing
from safety.cli.options import duration_s

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from safety.store.users import User

app = typer.Typer(no_args_is_help=True, help="Tokens: what scripts show the API.")


@app.command()
def create(
    user: Annotated[str, typer.Option(metavar="LOGIN", help="For whom: the login, or the id.")],
    ttl: Annotated[str, typer.Option(metavar="TIME", help="How long it works: 1h, 30d.")] = "1h",
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make a bearer token that may do what its user may, and print it, this once."""
    from safety.store.changes import record_change
    from safety.store.sessions import create_session

    ttl_s = duration_s(ttl, "--ttl")
    if ttl_s < 1:
        raise typer.BadParameter("expected at least 1s", param_hint="--ttl")
    with writing(data_dir) as desk:
        holder = _holder(desk.connection, user)
        token = create_session(desk.connection, holder.id, ttl_s, desk.now_ms)
        record_change(desk.connection, "token_created", holder.id, org=holder.org, **desk.by)
    if as_json:
        expires_at = rfc3339(desk.now_ms + round(ttl_s * 1000))
        show_json({"token": token, "user": holder.login, "expires_at": expires_at})
    else:
        typer.echo(token)


def _holder(connection: "Connection", user: str) -> "User":
    from sqlalchemy import select

    from safety.store.tables import users
    from safety.store.users import find_user

    login = connection.execute(select(users.c.login).where(users.c.id == user)).scalar()
    holder = find_user(connection, login or user)
    if holder is None:
        raise Failure(f"no user {user!r}: see `vigil user list`")
    if holder.disabled_ms is not None:
        raise Failure(f"user {holder.login} is disabled: a token would not work")
    return holder

"""How a database is reached: the address people write, as the engine of the driver that Vigil uses."""

import json
from typing import Any

import msgspec
from sqlalchemy import URL, Engine, create_engine, make_url

_CONNECT_TIMEOUT_S = 5
# A server that is gone without a word is noticed within seconds, not after the kernel's two hours. What it
# was asked meanwhile the kernel repeats at ever longer intervals: after ten seconds of a broken way it would
# be heard up to six after it is whole again, where a new connection is made within two.
_KEEP_ALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}


def driver_url(url: str) -> URL:
    """Return `url` (sqlite:///…, postgresql://…) as SQLAlchemy takes it; psycopg 3 speaks to PostgreSQL."""
    read = make_url(url)
    if read.get_backend_name() in ("postgresql", "postgres"):
        return read.set(drivername="postgresql+psycopg")
    return read


def open_database(url: str, **options: Any) -> Engine:
    """Return an engine on `url`; connections to a server that went away meanwhile are made anew."""
    address = driver_url(url)
    # What goes wrong is logged, and must not take people's names and places there.
    options = {"hide_parameters": True, "json_deserializer": _from_json, **options}
    if address.get_backend_name() == "sqlite":
        return create_engine(address, **options)
    arguments = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "vigil", **_KEEP_ALIVE}
    return create_engine(address, pool_pre_ping=True, connect_args=arguments, **options)


def _from_json(text: str) -> object:
    """Return what a JSON column holds: of a fence's 20 corners in a tenth of the time that `json` takes."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)  # knows more than the standard: NaN, and halves of characters


def listening_address(url: str) -> str | None:
    """Return `url` as psycopg takes it, to hear what PostgreSQL notifies of; None where nothing ever does."""
    address = driver_url(url)
    if address.get_backend_name() == "sqlite":
        return None
    return address.set(drivername="postgresql").render_as_string(hide_password=False)

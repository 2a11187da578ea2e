"""Context: what every route needs, made once and kept on the application."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol

from fastapi import Depends
from prometheus_client import CollectorRegistry
from starlette.requests import HTTPConnection

from devices.clock import Clock
from safety.api.hub import LiveHub
from safety.domain.enrolment import Addresses
from safety.store.database import Database


class HealthChecks(Protocol):
    """Tells how the parts of the service are."""

    async def check(self) -> Mapping[str, str]:
        """Return `ok`, or what is wrong, for each part: store, log, broker, engine, routing."""


class AllWell:
    """The fake of the service's checks: these parts, all of them well."""

    def __init__(self, *parts: str) -> None:
        self._parts = parts

    async def check(self) -> Mapping[str, str]:
        return dict.fromkeys(self._parts, "ok")


@dataclass(frozen=True, kw_only=True)
class TileSettings:
    """Where the page gets map tiles; `datum` is that of their coordinates (wgs84 or gcj02)."""

    url: str
    attribution: str
    datum: str = "wgs84"


@dataclass(frozen=True, kw_only=True)
class ApiSettings:
    """What is configured of the API."""

    session_ttl_s: float = 12 * 3600.0
    tiles: TileSettings | None = None
    # Where devices reach the service: goes into what sets a phone up.
    addresses: Addresses = field(default_factory=Addresses)
    # GeoJSON of water and streets that the map draws without tiles, once the file exists.
    ground: Path | None = None
    # Set behind TLS: the browser then never sends the cookie in the clear.
    secure_cookie: bool = False
    demo: bool = False
    version: str = "0"


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every route needs."""

    database: Database
    clock: Clock
    hub: LiveHub
    health: HealthChecks
    registry: CollectorRegistry
    settings: ApiSettings
    wake: Callable[[], None]


def context_of(connection: HTTPConnection) -> Context:
    """Return the context of the application that serves `connection`."""
    context: Context = connection.app.state.context
    return context


Services = Annotated[Context, Depends(context_of)]

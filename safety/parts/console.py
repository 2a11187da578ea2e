"""ConsolePart: the API, the live feed and the dispatcher's page, as an application for whoever serves it."""

from collections.abc import Mapping
from importlib.metadata import version

from fastapi import APIRouter, FastAPI

from safety.api.application import create_app
from safety.api.context import ApiSettings, HealthChecks, TileSettings
from safety.api.hub import LiveHub
from safety.console.static_files import GROUND
from safety.parts.part import Ground, Tasks
from safety.reach import addresses_of


class ConsolePart:
    """What people see and do; any number of them may run."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._hub = LiveHub(ground.database, ground.clock, ground.metrics)
        # A screen has what it shows after a millisecond; what routing looks at would take the interpreter.
        ground.wakes.tell(self._hub.wake, first=True)

    async def open(self) -> None:
        """Everything it must know is in the store."""

    def tasks(self) -> Tasks:
        """Return the live feed's readers; the application is served by whoever asked for it."""
        return [("live", self._hub.run())]

    async def until_ready(self) -> None:
        """It is as soon as it is served."""

    async def close(self) -> None:
        """People keep nothing here."""

    async def check(self) -> Mapping[str, str]:
        """The store, which everybody checks, is all it needs."""
        return {}

    def app(
        self, health: HealthChecks, mqtt_port: int, *, gateway: APIRouter | None = None, demo: bool = False
    ) -> FastAPI:
        """Return the application; `gateway` are the devices' routes, `mqtt_port` is the embedded broker's."""
        ground, settings = self._ground, self._ground.settings
        tiles = None
        if settings.tiles_url is not None:
            tiles = TileSettings(
                url=settings.tiles_url, attribution=settings.tiles_attribution, datum=settings.tiles_datum
            )
        api = ApiSettings(
            session_ttl_s=settings.session_ttl_s,
            tiles=tiles,
            addresses=addresses_of(settings, mqtt_port),
            ground=ground.data_dir / GROUND,
            secure_cookie=settings.secure_cookie or (settings.public_url or "").startswith("https://"),
            demo=demo,
            version=version("vigil-safety"),
        )
        return create_app(
            ground.database,
            ground.clock,
            health=health,
            hub=self._hub,
            registry=ground.metrics,
            settings=api,
            wake=ground.wakes.wake,
            gateway=gateway,
        )

"""Where a scenario's devices come from: its own lines, a file of credentials, or Vigil's API."""

import asyncio
from collections.abc import Sequence

import msgspec

from devices.clock import Clock
from devices.rfc3339 import rfc3339
from simulators.api import Api
from simulators.errors import BadFile, SimulatorError
from simulators.external_ids import external_id
from simulators.roster import Credentials, Roster
from simulators.scenario import DeviceSpec, Scenario, VisitSpec, seconds
from simulators.speech import BROUGHT, Codec, Identity
from simulators.telling import progress


class Provided(msgspec.Struct, frozen=True):
    """A device of the scenario with what it needs to log in, and its visit's id if one was made."""

    spec: DeviceSpec
    credentials: Credentials
    visit: str | None = None
    external_id: str | None = None
    gateway: Credentials | None = None

    @property
    def identity(self) -> Identity:
        """Who the device is to whoever listens."""
        return Identity(self.credentials, self.external_id, self.gateway)


def find_given(scenario: Scenario, roster: Roster | None, *, can_make: bool) -> list[Credentials | None]:
    """Return the credentials that there are for the devices of `scenario`, in its order; None: to be made.

    A device with `id` and `secret` is taken as it is; one with an `id` alone, or with neither, is looked
    for in `roster` (the first unused one of its kind and codec).

    Raises:
        BadFile: a device can come from nowhere.
    """
    used = {spec.id for spec in scenario.devices if spec.id is not None}
    given: list[Credentials | None] = []
    for spec in scenario.devices:
        known = _given(spec, roster, used)
        if known is None and (spec.id is not None or not can_make):
            raise BadFile(
                f"device {spec.name!r} has no credentials: give it `id` and `secret`, or --devices FILE,"
                " or a supervisor's token so that it can be made"
            )
        given.append(known)
    return given


async def provide(
    scenario: Scenario, given: Sequence[Credentials | None], maker: "Maker | None"
) -> list[Provided]:
    """Return all devices of `scenario`, in its order; what is not `given` is made, with nurse and visit.

    Raises:
        SimulatorError: the API refused.
    """
    provided: list[Provided] = []
    for spec, known in zip(scenario.devices, given, strict=True):
        if known is None and maker is not None:
            provided.append(await maker.make(spec))
        elif known is not None:
            gateway = spec.gateway
            login = Credentials(id=gateway.id, secret=gateway.secret) if gateway is not None else None
            provided.append(Provided(spec, known, external_id=spec.external_id, gateway=login))
    return provided


def _given(spec: DeviceSpec, roster: Roster | None, used: set[str]) -> Credentials | None:
    if spec.id is not None and spec.secret is not None:
        return Credentials(id=spec.id, secret=spec.secret)
    listed = roster.devices if roster else ()
    if spec.id is not None:
        fitting = [device for device in listed if device.id == spec.id]
    else:
        fitting = [device for device in listed if device.kind == spec.kind and device.id not in used]
    for device in fitting:
        if device.codec in (None, spec.codec):
            used.add(device.id)
            return Credentials(id=device.id, secret=device.secret)
    if fitting:
        other = fitting[0]
        raise BadFile(
            f"device {spec.name!r} speaks {spec.codec}, and {other.id} of --devices {other.codec}:"
            f" say `codec: {other.codec}`, or give another device"
        )
    return None


class Maker:
    """Makes devices through the API: one nurse for those of one person, one gateway for a dialect.

    Whoever lets it make something lets it `withdraw` in the end: Vigil goes on watching a visit whose devices
    were only switched off, and pages people for their silence.
    """

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._nurses: dict[str, str] = {}
        self._gateways: dict[Codec, Credentials] = {}
        self._visits: list[str] = []
        self._devices: list[str] = []
        self._made = 0

    async def make(self, spec: DeviceSpec) -> Provided:
        """Return the device that `spec` asks for, with whatever else it takes.

        Raises:
            SimulatorError: the API refused.
        """
        name = spec.nurse or spec.name
        if name not in self._nurses:
            added = await self._api.call("POST", "/nurses", {"name": f"{name} (simulated)"})
            self._nurses[name] = added["id"]
        nurse = self._nurses[name]
        visit = await self._visit(spec.visit, nurse) if spec.visit else None
        called = spec.external_id
        if called is None and spec.codec in BROUGHT:
            self._made += 1
            called = external_id(spec.codec, self._clock.now_ms(), self._made)
        asked: dict[str, object] = {"kind": spec.kind, "nurse": nurse, "codec": spec.codec}
        asked["external_id"] = called
        made = await self._api.call("POST", "/devices", asked)
        own = Credentials(id=made["id"], secret=made["secret"])
        self._devices.append(own.id)
        gateway = await self._gateway(spec) if spec.codec in BROUGHT else None
        return Provided(spec, own, visit, called, gateway)

    async def _gateway(self, spec: DeviceSpec) -> Credentials:
        if spec.gateway is not None:
            return Credentials(id=spec.gateway.id, secret=spec.gateway.secret)
        if spec.codec not in self._gateways:
            asked: dict[str, object] = {"codec": spec.codec, "name": f"{spec.codec} (simulated)"}
            made = await self._api.call("POST", "/gateways", asked)
            self._gateways[spec.codec] = Credentials(id=made["id"], secret=made["secret"])
        return self._gateways[spec.codec]

    async def _visit(self, visit: VisitSpec, nurse: str) -> str:
        now_ms = self._clock.now_ms()
        every_s = seconds(visit.check_in_every) if visit.check_in_every is not None else None
        planned: dict[str, object] = {
            "nurse": nurse,
            "lat": visit.lat,
            "lon": visit.lon,
            "radius_m": visit.radius_m,
            "starts_at": rfc3339(now_ms),
            "ends_at": rfc3339(now_ms + round(seconds(visit.lasts) * 1000)),
            "check_in_every_s": every_s,
            "risk": visit.risk,
            "limits": visit.limits,
        }
        added = await self._api.call("POST", "/visits", planned)
        self._visits.append(added["id"])
        return str(added["id"])

    async def withdraw(self) -> None:
        """See that nothing which was made is watched or heard any more; what cannot be done is told."""
        changes: dict[str, dict[str, object]] = {
            f"/visits/{one}": {"cancelled": True} for one in self._visits
        }
        gateways = (gateway.id for gateway in self._gateways.values())
        logins = [f"/devices/{device}" for device in self._devices]
        logins += [f"/gateways/{gateway}" for gateway in gateways]
        changes |= {login: {"revoked": True} for login in logins}
        await asyncio.gather(*(self._change(path, change) for path, change in changes.items()))

    async def _change(self, path: str, change: dict[str, object]) -> None:
        try:
            await self._api.call("PATCH", path, change)
        except SimulatorError as error:
            progress(f"it stays behind, and people may be paged for it: {error}")

"""Where a scenario's devices come from: its own lines, a file of credentials, or Vigil's API."""

import msgspec

from devices.clock import Clock
from devices.rfc3339 import rfc3339
from simulators.api import Api
from simulators.errors import BadFile
from simulators.roster import Credentials, Roster
from simulators.scenario import DeviceSpec, Scenario, VisitSpec, seconds


class Provided(msgspec.Struct, frozen=True):
    """A device of the scenario with what it needs to log in, and its visit's id if one was made."""

    spec: DeviceSpec
    credentials: Credentials
    visit: str | None = None


async def provide(scenario: Scenario, roster: Roster | None, api: Api | None, clock: Clock) -> list[Provided]:
    """Return all devices of `scenario`, in its order.

    A device with `id` and `secret` is taken as it is; one with an `id` alone, or with neither, is looked
    for in `roster` (the first unused one of its kind); what is missing then is made through `api`, with a
    nurse and a visit of its own.

    Raises:
        BadFile: a device can come from nowhere.
        SimulatorError: the API refused.
    """
    used = {spec.id for spec in scenario.devices if spec.id is not None}
    nurses: dict[str, str] = {}
    provided: list[Provided] = []
    for spec in scenario.devices:
        known = _given(spec, roster, used)
        if known is not None:
            provided.append(Provided(spec, known))
        elif api is None or spec.id is not None:
            raise BadFile(
                f"device {spec.name!r} has no credentials: give it `id` and `secret`, or --devices FILE,"
                " or a supervisor's token so that it can be made"
            )
        else:
            provided.append(await _made(spec, api, nurses, clock))
    return provided


def _given(spec: DeviceSpec, roster: Roster | None, used: set[str]) -> Credentials | None:
    if spec.id is not None and spec.secret is not None:
        return Credentials(id=spec.id, secret=spec.secret)
    for device in roster.devices if roster else ():
        fits = device.id == spec.id if spec.id else device.kind == spec.kind and device.id not in used
        if fits:
            used.add(device.id)
            return Credentials(id=device.id, secret=device.secret)
    return None


async def _made(spec: DeviceSpec, api: Api, nurses: dict[str, str], clock: Clock) -> Provided:
    name = spec.nurse or spec.name
    if name not in nurses:
        added = await api.call("POST", "/nurses", {"name": f"{name} (simulated)"})
        nurses[name] = added["id"]
    nurse = nurses[name]
    visit = await _visit(spec.visit, nurse, api, clock) if spec.visit else None
    made = await api.call("POST", "/devices", {"kind": spec.kind, "nurse": nurse})
    return Provided(spec, Credentials(id=made["id"], secret=made["secret"]), visit)


async def _visit(visit: VisitSpec, nurse: str, api: Api, clock: Clock) -> str:
    now_ms = clock.now_ms()
    every_s = seconds(visit.check_in_every) if visit.check_in_every is not None else None
    planned = {
        "nurse": nurse,
        "lat": visit.lat,
        "lon": visit.lon,
        "radius_m": visit.radius_m,
        "starts_at": rfc3339(now_ms),
        "ends_at": rfc3339(now_ms + round(seconds(visit.lasts) * 1000)),
        "check_in_every_s": every_s,
        "risk": visit.risk,
    }
    added = await api.call("POST", "/visits", planned)
    return str(added["id"])

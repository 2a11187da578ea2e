"""The roster: which devices a simulation plays, with their credentials, visits and roles.

A JSON file, written by whoever registered the devices (it holds secrets: mode 0600):

    {"devices": [
      {"id": "dev_…", "secret": "…", "kind": "phone", "nurse": "nur_…", "role": "panic",
       "visit": {"id": "vis_…", "lat": 31.23, "lon": 121.46, "radius_m": 150,
                 "starts_at": "2026-11-22T01:00:00.000Z", "ends_at": "2026-11-22T11:00:00.000Z",
                 "check_in_every_s": 90}}]}

Only `id` and `secret` are required. Devices with the same `nurse` belong to one person: they share her
movements, her visit and her role (the first ones given among them count). Unknown keys are ignored.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from devices.rfc3339 import parse_rfc3339
from simulators.errors import BadFile

Kind = Literal["phone", "recorder", "button"]
Role = Literal["routine", "travelling", "panic", "leaves_fence", "misses_check_in", "cancelled_fall", "dies"]
"""What a nurse acts in the demo's story; see `simulators.stories`."""

Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """How a device logs in: its id is the username, its secret the password."""

    id: Name
    secret: str


class PlannedVisit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit as the roster tells it: WGS-84 degrees, metres, RFC 3339 times with offset."""

    lat: Latitude
    lon: Longitude
    id: str | None = None
    radius_m: Annotated[float, msgspec.Meta(gt=0)] = 150.0
    starts_at: str | None = None
    ends_at: str | None = None
    check_in_every_s: Annotated[float, msgspec.Meta(gt=0)] | None = None

    def covers(self, at_ms: int) -> bool:
        """Tell whether the visit is planned for `at_ms`; a missing end is an open one."""
        if self.starts_at is not None and at_ms < parse_rfc3339(self.starts_at):
            return False
        return self.ends_at is None or at_ms < parse_rfc3339(self.ends_at)


class RosterDevice(Credentials, frozen=True, kw_only=True):
    """One device of the roster."""

    kind: Kind = "phone"
    codec: str | None = None
    nurse: str | None = None
    role: Role = "routine"
    visit: PlannedVisit | None = None


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """All devices of a simulation."""

    devices: tuple[RosterDevice, ...]

    def by_nurse(self) -> dict[str, list[RosterDevice]]:
        """Return the devices of each nurse, in the roster's order; an unbound device stands for itself."""
        people: dict[str, list[RosterDevice]] = {}
        for device in self.devices:
            people.setdefault(device.nurse or device.id, []).append(device)
        return people


def load_roster(path: Path) -> Roster:
    """Read a roster, or a plain JSON list or JSON lines of devices (as `vigil device add --json` prints).

    Raises:
        BadFile: there is no such file, or it is no roster.
    """
    try:
        roster = _decode(path.read_bytes())
        for device in roster.devices:
            if device.visit is not None:
                device.visit.covers(0)
    except OSError as error:
        raise BadFile(f"cannot read roster {path}: {error.strerror}") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadFile(f"roster {path}: {error}") from error
    if not roster.devices:
        raise BadFile(f"roster {path}: it has no devices")
    return roster


def _decode(text: bytes) -> Roster:
    if text.lstrip().startswith(b"["):
        return Roster(devices=msgspec.json.decode(text, type=tuple[RosterDevice, ...]))
    lines = text.strip().splitlines()
    if lines and b'"devices"' not in text and all(line.startswith(b"{") for line in lines):
        return Roster(devices=tuple(msgspec.json.decode(line, type=RosterDevice) for line in lines))
    return msgspec.json.decode(text, type=Roster)

"""The demo's stories against a real Mosquitto: each role acts what the dispatcher is to see."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from devices import topics
from devices.clock import ManualClock
from devices.commands import Command, encode
from devices.rfc3339 import parse_rfc3339, rfc3339
from simulators.address import Broker
from simulators.demo import play_roster
from simulators.geometry import Point, distance_m
from simulators.journal import Journal
from simulators.roster import PlannedVisit, Role, Roster, RosterDevice
from simulators.stories import CYCLE_S
from simulators.streets import District
from simulators.waiting import end
from tests.support.brokers import INGEST, Mosquitto, mosquitto
from tests.support.waiting import PATIENCE_S

pytestmark = pytest.mark.integration

START_MS = 1_750_000_000_000
CHECK_IN_EVERY_S = 60.0
STEP_S = 0.5
ROLES: tuple[Role, ...] = (
    "routine",
    "travelling",
    "panic",
    "leaves_fence",
    "misses_check_in",
    "cancelled_fall",
    "dies",
)
HOMES = [home.point for home in District.shanghai().homes]


def visit_of(number: int) -> PlannedVisit:
    return PlannedVisit(
        id=f"vis_{number}",
        lat=HOMES[number * 3].lat,
        lon=HOMES[number * 3].lon,
        starts_at=rfc3339(START_MS - 60_000),
        ends_at=rfc3339(START_MS + 36_000_000),
        check_in_every_s=CHECK_IN_EVERY_S,
    )


def cast() -> Roster:
    """One nurse of each role with a phone; the routine one has a recorder too, the panicking one a button."""
    rows = []
    for number, role in enumerate(ROLES):
        kinds = [
            "phone",
            *(["recorder"] if role == "routine" else []),
            *(["button"] if role == "panic" else []),
        ]
        for kind in kinds:
            row = {
                "id": f"{role}-{kind}",
                "secret": "s",
                "kind": kind,
                "nurse": f"nur_{number}",
                "role": role,
            }
            rows.append(RosterDevice(**row, visit=visit_of(number)))  # type: ignore[arg-type]  # literals
    return Roster(devices=tuple(rows))


class Desk:
    """Hears everything, and answers each alarm as Vigil would."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client
        self.said: dict[tuple[str, str], list[dict[str, Any]]] = {}

    async def listen(self) -> None:
        await self.client.subscribe("vigil/v1/+/+", qos=1)
        async for message in self.client.messages:
            address = topics.parse(str(message.topic))
            if address is None:
                continue
            payload = json.loads(message.payload)
            said = payload if isinstance(payload, list) else [payload]
            self.said.setdefault((address.device, address.channel), []).extend(said)
            if address.channel == "alarm":
                answer = Command(
                    id="1",
                    device=address.device,
                    kind="alarm_received",
                    at_ms=0,
                    alarm=payload["id"],
                    alert="a",
                )
                await self.client.publish(topics.down(address.device), encode(answer), qos=1)

    def of(self, device: str, channel: str, kind: str | None = None) -> list[dict[str, Any]]:
        said = self.said.get((device, channel), [])
        return [each for each in said if kind is None or each.get("kind") == kind]

    def times_s(self, device: str, channel: str, kind: str) -> list[float]:
        return [(parse_rfc3339(each["time"]) - START_MS) / 1000 for each in self.of(device, channel, kind)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with mosquitto(tmp_path, {device.id: device.secret for device in cast().devices}) as running:
        yield running


@asynccontextmanager
async def playing(port: int, clock: ManualClock) -> Any:
    login: dict[str, Any] = {"username": INGEST, "password": "of this test only", "timeout": PATIENCE_S}
    async with aiomqtt.Client("127.0.0.1", port, **login) as client:
        desk = Desk(client)
        play = play_roster(
            cast(), Broker("127.0.0.1", port), seed=1, fix_every_s=5.0, clock=clock, journal=Journal()
        )
        tasks = [asyncio.ensure_future(desk.listen()), asyncio.ensure_future(play)]
        try:
            yield desk
            for task in tasks:
                assert not task.done(), task.exception()
        finally:
            await end(*tasks)


async def let_pass(clock: ManualClock, desk: Desk, duration_s: float) -> None:
    """Let time pass no faster than the broker answers, so that devices can act in it."""
    for _ in range(round(duration_s / STEP_S)):
        clock.advance_s(STEP_S)
        for _round_trip in range(3):
            await desk.client.publish("pulse", b"", qos=1)


async def test_in_one_cycle_everything_happens_that_a_dispatcher_is_to_see(broker: Mosquitto) -> None:
    clock = ManualClock(START_MS)
    async with playing(broker.port, clock) as desk:
        await let_pass(clock, desk, CYCLE_S + 5)

        [panic] = {each["id"]: each for each in desk.of("panic-button", "alarm")}.values()
        assert panic["kind"] == "panic"
        assert desk.times_s("panic-button", "alarm", "panic")[0] < 20, "a visitor sees something soon"

        away_m = distances_m(desk, "leaves_fence-phone", HOMES[ROLES.index("leaves_fence") * 3])
        farthest = away_m.index(max(away_m))
        assert away_m[farthest] > 400
        assert max(away_m[:3]) < 100, "she begins inside"
        assert min(away_m[farthest:]) < 150, "she comes back"

        [fall] = {each["id"]: each for each in desk.of("cancelled_fall-phone", "alarm", "fall")}.values()
        [cancel] = desk.of("cancelled_fall-phone", "event", "cancel_alarm")
        assert cancel["alarm"] == fall["id"]
        assert 9 <= (parse_rfc3339(cancel["time"]) - parse_rfc3339(fall["time"])) / 1000 <= 15

        states = [each["state"] for each in desk.of("dies-phone", "status")]
        assert states == ["online", "offline", "online"]
        seqs = [each["seq"] for each in desk.of("dies-phone", "location")]
        assert seqs == sorted(set(seqs)), "what it measured while it was dead came afterwards, once"
        assert len(seqs) > CYCLE_S / 5 * 0.9

        [late] = desk.times_s("misses_check_in-phone", "event", "check_in")[:1]
        assert late > CHECK_IN_EVERY_S + 100

        regular_s = desk.times_s("routine-phone", "event", "check_in")
        assert len(regular_s) >= 3
        assert max(b - a for a, b in pairwise(regular_s)) < CHECK_IN_EVERY_S
        assert [each["kind"] for each in desk.of("routine-phone", "event")][:2] == ["arrive", "visit_start"]
        assert len(desk.of("routine-recorder", "record", "segment")) >= 2

        assert min(distances_m(desk, "travelling-phone", HOMES[ROLES.index("travelling") * 3])) > 150
        assert desk.of("travelling-phone", "event") == []


def distances_m(desk: Desk, device: str, home: Point) -> list[float]:
    return [distance_m(home, Point(each["lat"], each["lon"])) for each in desk.of(device, "location")]

"""Deliveries, as scenarios: what waits for a device that is away, and what becomes of what was sent."""

from typing import Any

import pytest

from devices.errors import CannotSay
from devices.reports import Position
from ingest.errors import NotConnected
from safety.rules.effects import HearDevice, PlacePosition, TellDevice
from safety.rules.sight import Sight
from safety.store.deliveries import list_deliveries, state_of
from safety.store.effects import store_effects
from safety.store.handouts import hand_out, heard_over_http
from safety.store.limits import set_org_limits
from safety.store.queries import Page, Scope
from safety.store.requests import ask_device
from safety.store.tables import devices
from tests.support.paging import ORG, Desk


@pytest.fixture
def desk(desk: Desk) -> Desk:
    device(desk, "dev_1")
    return desk


def device(desk: Desk, id: str, kind: str = "phone", codec: str = "native", **more: Any) -> None:
    values = {"id": id, "kind": kind, "org": ORG, "nurse": "nur_1", "codec": codec, "secret_hash": "-"}
    desk.add(devices, **{**values, "created_ms": 0, "revision": 1, **more})


def ask(
    desk: Desk, kind: str = "locate", device: str = "dev_1", ttl_s: float | None = None, **given: Any
) -> str:
    with desk.database.writing() as connection:
        now_ms = desk.clock.now_ms()
        return ask_device(connection, device, kind, given, ttl_s=ttl_s, actor="anna", at_ms=now_ms)


def effects(desk: Desk, *effects: Any) -> None:
    with desk.database.writing() as connection:
        store_effects(connection, effects, desk.clock.now_ms())


def says(desk: Desk, online: bool, device: str = "dev_1") -> None:
    effects(desk, HearDevice(device=device, heard_ms=desk.clock.now_ms(), online=online))


def fixes(desk: Desk, *, newest: bool = True, device: str = "dev_1", seq: int | None = None) -> None:
    now_ms = desk.clock.now_ms()
    sight = Sight(
        device=device,
        nurse="nur_1",
        org=ORG,
        time_ms=now_ms,
        received_ms=now_ms,
        position=Position(31.2, 121.4),
        report="fix",
        seq=seq,
        told_ms=now_ms,
    )
    effects(desk, PlacePosition(sight, None, newest, None))


def state(desk: Desk, command: str) -> str:
    with desk.database.reading() as connection:
        rows = list_deliveries(connection, Scope(ORG), "dev_1", Page()).rows
    return {row.id: state_of(row, desk.clock.now_ms()) for row in rows}[command]


def sent(desk: Desk) -> list[tuple[str, Any]]:
    """Kind and pace of each command that went out."""
    return [(command.kind, command.details.get("fix_every_s")) for command in desk.sender.sent]


async def test_a_device_that_answers(desk: Desk) -> None:
    says(desk, online=True)
    command = ask(desk)
    assert state(desk, command) == "queued"
    await desk.settle()
    assert state(desk, command) == "accepted"
    desk.clock.advance_s(1)
    fixes(desk, newest=False)
    assert state(desk, command) == "accepted", "an old fix says not where it is"
    fixes(desk, device="dev_2")
    assert state(desk, command) == "accepted", "another device's"
    fixes(desk)
    assert state(desk, command) == "answered"
    [told] = desk.sender.sent
    assert told.expires_ms == told.at_ms + 300_000


async def test_an_answer_that_comes_before_the_sending_is_stored(desk: Desk) -> None:
    command = ask(desk)
    desk.clock.advance_s(0.01)
    fixes(desk)
    assert state(desk, command) == "queued", "nobody has asked it yet, as far as we know"
    await desk.settle()
    assert state(desk, command) == "answered"


async def test_what_was_lost_is_known_by_its_number(desk: Desk) -> None:
    command = ask(desk, "resend", first_seq=3, last_seq=5)
    await desk.settle()
    fixes(desk, seq=6)
    assert state(desk, command) == "accepted"
    fixes(desk, newest=False, seq=4)
    assert state(desk, command) == "answered"


async def test_it_waits_here_while_the_device_is_away(desk: Desk) -> None:
    says(desk, online=False)
    message, place = ask(desk, "message", text="call us"), ask(desk, ttl_s=60)
    await desk.forward(30)
    assert (state(desk, message), state(desk, place), sent(desk)) == ("queued", "queued", [])
    await desk.forward(31)
    assert state(desk, place) == "expired"
    says(desk, online=True)
    await desk.settle()
    assert (state(desk, message), state(desk, place)) == ("accepted", "expired")
    assert [kind for kind, _ in sent(desk)] == ["message"]


async def test_news_of_an_alarm_is_sent_to_a_device_that_is_away(desk: Desk) -> None:
    says(desk, online=False)
    ask(desk)
    desk.raises()
    await desk.settle()
    assert [kind for kind, _ in sent(desk)] == ["alarm_received"]


async def test_while_there_is_no_broker_it_is_tried_again(desk: Desk) -> None:
    desk.sender.failures = [NotConnected("no connection")]
    command = ask(desk)
    await desk.settle()
    assert state(desk, command) == "sent"
    await desk.forward(1)
    assert state(desk, command) == "accepted"


async def test_what_the_dialect_cannot_say_is_refused(desk: Desk) -> None:
    desk.sender.failures = [CannotSay("no words")]
    command = ask(desk)
    await desk.settle()
    assert state(desk, command) == "refused"


async def test_what_a_device_fetches_is_fetched(desk: Desk) -> None:
    device(desk, "dev_http", codec="owntracks")
    with desk.database.writing() as connection:
        heard_over_http(connection, "dev_http", desk.clock.now_ms())
    command = ask(desk, device="dev_http")
    await desk.settle()
    assert [each.codec for each in desk.sender.sent] == ["owntracks"]

    def now() -> str:
        with desk.database.reading() as connection:
            [row] = list_deliveries(connection, Scope(ORG), "dev_http", Page()).rows
        return state_of(row, desk.clock.now_ms())

    assert now() == "accepted"
    with desk.database.writing() as connection:
        given = hand_out(connection, "dev_http", {"locate"}, None, desk.clock.now_ms())
    assert [each.id for each in given] == [command]
    assert now() == "fetched"
    desk.clock.advance_s(1)
    fixes(desk, device="dev_http")
    assert now() == "answered"


async def test_her_devices_report_more_often_while_an_alert_is_open(desk: Desk) -> None:
    device(desk, "dev_rec", kind="recorder")
    device(desk, "dev_btn", kind="button")
    device(desk, "dev_old", revoked_ms=1)
    device(desk, "dev_deaf", codec="osmand")
    first = desk.raises()
    await desk.settle()
    quick = [(c.device, c.details) for c in desk.sender.sent if c.kind == "configure"]
    assert sorted(device for device, _ in quick) == ["dev_1", "dev_rec"]
    assert all(details == {"fix_every_s": 5.0} for _, details in quick)

    second = desk.raises(kind="fence_exit", severity="warning", device=None, alarm=None)
    desk.sender.sent.clear()
    desk.acts(first, "resolve", reason="assisted")
    await desk.settle()
    assert [kind for kind, _ in sent(desk)] == ["alarm_closed"], "the other one is open still"
    desk.acts(second, "resolve", reason="no_fault_found")
    await desk.settle()
    assert sent(desk)[1:] == [("configure", None), ("configure", None)]


async def test_it_goes_back_to_what_somebody_set(desk: Desk) -> None:
    ask(desk, "configure", fix_every_s=30)
    desk.clock.advance_s(1)
    alert = desk.raises()
    desk.clock.advance_s(1)
    desk.acts(alert, "resolve", reason="assisted")
    await desk.settle()
    assert [pace for kind, pace in sent(desk) if kind == "configure"] == [30, 5.0, 30]
    desk.clock.advance_s(1)
    ask(desk, "configure", fix_every_s=2)
    desk.clock.advance_s(1)
    alert = desk.raises()
    desk.clock.advance_s(1)
    desk.acts(alert, "resolve", reason="assisted")
    await desk.settle()
    assert [pace for kind, pace in sent(desk) if kind == "configure"][3:] == [2], "it is quicker already"


async def test_a_weak_battery_is_not_asked_for_more(desk: Desk) -> None:
    alert = desk.raises(kind="battery_low", severity="warning", alarm=None)
    desk.acts(alert, "resolve", reason="no_fault_found")
    await desk.settle()
    assert sent(desk) == []


async def test_an_organisation_may_leave_the_pace_alone(desk: Desk) -> None:
    with desk.database.writing() as connection:
        set_org_limits(connection, ORG, {"alert_fix_every_s": None}, actor="anna", at_ms=1)
    alert = desk.raises()
    desk.clock.advance_s(1)
    desk.acts(alert, "resolve", reason="assisted")
    await desk.settle()
    assert [kind for kind, _ in sent(desk)] == ["alarm_received", "alarm_closed"]


async def test_what_the_engine_asks_for_is_followed_as_well(desk: Desk) -> None:
    told = TellDevice(
        id="resend-1",
        device="dev_1",
        kind="resend",
        at_ms=desk.clock.now_ms(),
        ttl_s=3600,
        details={"first_seq": 1, "last_seq": 2},
    )
    effects(desk, told, told)
    await desk.settle()
    assert state(desk, "resend-1") == "accepted"
    effects(desk, told)
    await desk.settle()
    assert len(desk.sender.sent) == 1

"""How devices are: health, GPS and tests beside what was heard, in no more statements than before."""

from typing import Any

import msgspec
from sqlalchemy import Connection, event, select

from devices.reports import Position
from safety.rules.effects import DeviceHealth, Effect, HearDevice, PlacePosition, RaiseAlert
from safety.rules.sight import Sight
from safety.store.effects import store_effects
from safety.store.tables import device_states

AT_MS = 1_795_000_000_000


def place(seconds: int, accuracy_m: float | None = 8.0, device: str = "dev_1") -> PlacePosition:
    at_ms = AT_MS + seconds * 1000
    sight = Sight(Position(31.2, 121.4, accuracy_m), at_ms, at_ms, "nur_1", "org_1", device, "fix", 1, at_ms)
    return PlacePosition(sight, None, True, 80.0)


def health(**fields: Any) -> DeviceHealth:
    unknown = DeviceHealth(
        device="dev_1",
        battery_trend_pct_h=None,
        battery_empty_ms=None,
        battery_charging=None,
        clock_skew_ms=None,
    )
    return msgspec.structs.replace(unknown, **fields)


def state(connection: Connection, *effects: Effect) -> Any:
    store_effects(connection, effects, AT_MS)
    return connection.execute(select(device_states).where(device_states.c.device == "dev_1")).one()


def test_a_usable_fix_says_how_gps_does(connection: Connection) -> None:
    row = state(connection, place(0), place(5, 12.0))
    assert (row.fix_accuracy_m, row.fix_ms, row.battery_pct) == (12.0, AT_MS + 5_000, 80.0)


def test_a_poor_fix_leaves_the_last_usable_one(connection: Connection) -> None:
    row = state(connection, place(0), place(5), place(9, 900.0))
    assert (row.fix_accuracy_m, row.fix_ms) == (900.0, AT_MS + 5_000)
    row = state(connection, place(12, 700.0))
    assert (row.fix_accuracy_m, row.fix_ms) == (700.0, AT_MS + 5_000)


def test_what_is_right_again_is_no_longer_told(connection: Connection) -> None:
    wrong = health(battery_trend_pct_h=-12.5, battery_empty_ms=AT_MS + 9, clock_skew_ms=-600_000)
    row = state(connection, HearDevice("dev_1", AT_MS), wrong)
    assert (row.battery_trend_pct_h, row.clock_skew_ms) == (-12.5, -600_000)
    row = state(connection, health(battery_charging=True))
    assert (row.battery_trend_pct_h, row.clock_skew_ms, row.battery_charging) == (None, None, True)
    assert row.heard_ms == AT_MS


def test_only_a_test_alarm_is_a_test(connection: Connection) -> None:
    alarm = RaiseAlert(
        id="a1",
        kind="panic",
        severity="critical",
        org="org_1",
        nurse="nur_1",
        device="dev_1",
        occurred_ms=AT_MS,
        received_ms=AT_MS,
        source_event="e1",
    )
    assert state(connection, HearDevice("dev_1", AT_MS), alarm).tested_ms is None
    tested = msgspec.structs.replace(alarm, id="a2", source_event="e2", test=True)
    assert state(connection, tested).tested_ms == AT_MS
    assert state(connection, tested).tested_ms == AT_MS


def test_fixes_of_many_devices_are_one_statement(connection: Connection) -> None:
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if "device_states" in statement and statement.startswith("INSERT"):
            statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    store_effects(connection, [place(n % 5, device=f"dev_{n % 50}") for n in range(256)], AT_MS)
    event.remove(connection, "before_cursor_execute", note)
    assert len(statements) == 1


def test_health_alone_concerns_no_people(connection: Connection) -> None:
    assert not store_effects(connection, [place(0), health()], AT_MS)

"""The board and the list of the untested, as both databases answer."""

from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection, true

from devices.registry.port import DeviceKind
from safety.rules.effects import RaiseAlert
from safety.store import device_board
from safety.store.device_board import list_untested, untested_devices, worrying_devices
from safety.store.effects import store_effects
from safety.store.fleet import register_device
from safety.store.limits import set_org_limits
from safety.store.nurses import add_nurse
from safety.store.queries import Page, Scope
from safety.store.tables import device_states, devices
from safety.store.visits import add_visit
from tests.support.changes import BY

AT_MS = int(str(BY["at_ms"]))
DAY_MS = 24 * 3_600_000


def alert(device: str, cause: str, **fields: Any) -> RaiseAlert:
    return RaiseAlert(
        **{
            "id": cause,
            "kind": "panic",
            "severity": "critical",
            "org": "org_1",
            "nurse": None,
            "device": device,
            "occurred_ms": AT_MS,
            "received_ms": AT_MS,
            "source_event": cause,
            **fields,
        }
    )


def test_what_was_never_tested_comes_first_and_page_by_page(
    connection: Connection, nurse: str, org: str
) -> None:
    ids = [register_device(connection, kind="button", nurse=nurse, **BY)[0].id for _ in range(4)]
    long_ago = alert(ids[0], "a", test=True, received_ms=AT_MS - 40 * DAY_MS)
    store_effects(connection, [long_ago, alert(ids[1], "b", test=True)], AT_MS)
    whole = [row.id for row in untested_devices(connection, Scope(org), AT_MS)]
    assert whole == [*sorted(ids[2:]), ids[0]]
    found: list[str] = []
    page = Page(limit=1)
    while True:
        listed = list_untested(connection, Scope(org), page, AT_MS, 30)
        found += [row.id for row in listed.rows]
        if listed.next is None:
            break
        page = Page(limit=1, after=listed.next)
    assert found == whole


def test_an_open_alert_of_its_health_is_a_worry_under_its_own_name(
    connection: Connection, nurse: str, org: str
) -> None:
    device, _ = register_device(connection, kind="recorder", nurse=nurse, **BY)
    fault = alert(
        device.id,
        "f",
        kind="device_fault",
        severity="warning",
        org=org,
        nurse=nurse,
        why={"rule": "device_fault", "how": "not_recording"},
    )
    store_effects(connection, [fault], AT_MS)
    (one,) = worrying_devices(connection, Scope(org), AT_MS)
    assert [worry.reason for worry in one.worries] == ["not_recording", "never_heard", "untested"]
    assert one.worries[0].detail["alert"] == "f"
    assert worrying_devices(connection, Scope("org_other"), AT_MS) == []


def test_whoever_is_not_looked_at_has_nothing_but_an_old_test(
    connection: Connection, nurse: str, org: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The board asks the database for suspects: with all devices for suspects it must find the same."""
    add_visit(
        connection,
        nurse=nurse,
        lat=31.0,
        lon=121.0,
        starts_ms=AT_MS - 3_600_000,
        ends_ms=AT_MS + 60_000,
        **BY,
    )
    set_org_limits(connection, org, {"phone_firmware_min": "2.4", "button_silent_s": 3600.0}, **BY)
    away = add_nurse(connection, org=org, name="Wang Fang", **BY)
    told: list[dict[str, Any]] = [
        {"heard_ms": None},
        *({"heard_ms": AT_MS - ago_s * 1000} for ago_s in (0, 170, 200, 590, 700, 3500, 3700, 90_000)),
        *({"fix_ms": AT_MS - ago_s * 1000} for ago_s in (800, 1000, 90_000)),
        *({"fix_accuracy_m": accuracy_m} for accuracy_m in (199.0, 201.0)),
        *({"clock_skew_ms": skew_ms} for skew_ms in (-121_000, -119_000, 121_000)),
        *({"battery_pct": pct} for pct in (14.0, 15.0, 16.0)),
        *({"battery_pct": 14.0, "battery_charging": charging} for charging in (True, False)),
        *({"battery_pct": 80.0, "battery_empty_ms": AT_MS + left_s * 1000} for left_s in (1700, 1900)),
        *({"firmware": version} for version in ("2.3.9", "2.4", "2.10", "new")),
        *({"tested_ms": AT_MS - days * DAY_MS} for days in (29, 31)),
    ]
    well = {"heard_ms": AT_MS, "fix_ms": AT_MS, "fix_accuracy_m": 5.0, "tested_ms": AT_MS, "revision": 1}
    kinds: tuple[DeviceKind, ...] = ("phone", "recorder", "button")
    for kind, whose, state in product(kinds, (nurse, away), told):
        device, _ = register_device(connection, kind=kind, nurse=whose, **BY)
        connection.execute(device_states.insert().values({**well, **state, "device": device.id}))
    connection.execute(devices.update().values(created_ms=AT_MS - 400 * DAY_MS))
    found = worrying_devices(connection, Scope(org), AT_MS)
    worst = worrying_devices(connection, Scope(org), AT_MS, 7)
    everybody = worrying_devices(connection, None, AT_MS)
    monkeypatch.setattr(device_board, "suspicious", lambda *_: true())
    whole = worrying_devices(connection, Scope(org), AT_MS)
    assert [(one.device.id, one.worries) for one in found] == [(one.device.id, one.worries) for one in whole]
    assert [one.device.id for one in worst] == [one.device.id for one in whole[:7]]
    assert [one.device.id for one in everybody] == [one.device.id for one in whole]
    assert 40 < len(whole) < 6 * len(told)

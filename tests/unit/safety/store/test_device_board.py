"""The board and the list of the untested, as both databases answer."""

from typing import Any

from sqlalchemy import Connection

from safety.rules.effects import RaiseAlert
from safety.store.device_board import list_untested, untested_devices, worrying_devices
from safety.store.effects import store_effects
from safety.store.fleet import register_device
from safety.store.queries import Page, Scope
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

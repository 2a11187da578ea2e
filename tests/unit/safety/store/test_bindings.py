"""Bindings: who had a device, from when to when, and how it ended; and what is planned ends with it."""

import pytest
from sqlalchemy import Connection

from safety.errors import InvalidInput
from safety.planner import nurse_plan
from safety.store.bindings import read_bindings
from safety.store.feed import current_marks
from safety.store.fleet import hand_device, register_device, withdraw_device
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.planned_tests import plan_test
from safety.store.queries import Scope
from tests.support.changes import BY, recorded, replanned

AT_MS = int(str(BY["at_ms"]))


@pytest.fixture
def device(connection: Connection, nurse: str) -> str:
    return register_device(connection, kind="button", nurse=nurse, **BY)[0].id


@pytest.fixture
def other(connection: Connection) -> str:
    return add_nurse(connection, org=add_org(connection, name="Other", **BY), name="Wang", **BY)


def told(connection: Connection, device: str) -> list[tuple[object, ...]]:
    rows = read_bindings(connection, device)
    return [(row.nurse, row.from_ms, row.to_ms, row.given_by, row.ended_by, row.ended_how) for row in rows]


def test_a_hand_over_keeps_who_had_it(connection: Connection, device: str, nurse: str, other: str) -> None:
    hand_device(connection, device, other, actor="zhao", at_ms=AT_MS + 5)
    withdraw_device(connection, device, actor="wu", at_ms=AT_MS + 9)
    assert told(connection, device) == [
        (other, AT_MS + 5, AT_MS + 9, "zhao", "wu", "revoked"),
        (nurse, AT_MS, AT_MS + 5, BY["actor"], "zhao", "handed_over"),
    ]


def test_handing_it_to_whoever_has_it_is_nothing(connection: Connection, device: str, nurse: str) -> None:
    hand_device(connection, device, nurse, **BY)
    assert [row.to_ms for row in read_bindings(connection, device)] == [None]


def test_the_engine_is_told_since_when_a_device_is_hers(
    connection: Connection, device: str, nurse: str, other: str
) -> None:
    def since_ms(who: str) -> list[int | None]:
        plan = nurse_plan(connection, who, AT_MS)
        return [each.bound_ms for each in plan.devices] if plan is not None else []

    assert since_ms(nurse) == [None], "what it saw before it was anybody's"
    hand_device(connection, device, other, actor="zhao", at_ms=AT_MS + 5)
    assert (since_ms(nurse), since_ms(other)) == ([], [AT_MS + 5])
    hand_device(connection, device, nurse, actor="zhao", at_ms=AT_MS + 9)
    assert (since_ms(nurse), since_ms(other)) == ([AT_MS + 9], [])


def test_the_former_organisation_sees_its_own_part(
    connection: Connection, device: str, nurse: str, org: str, other: str
) -> None:
    hand_device(connection, device, other, **BY)
    assert [row.nurse for row in read_bindings(connection, device, Scope(org))] == [nurse]


def test_a_planned_test_is_told_to_the_engine(connection: Connection, device: str, nurse: str) -> None:
    replanned(connection)
    until_ms = plan_test(connection, device, 600, **BY)
    assert until_ms == AT_MS + 600_000
    assert replanned(connection) == [(nurse, None)]
    assert recorded(connection).action == "device_test_planned"
    plan = nurse_plan(connection, nurse, AT_MS)
    assert plan is not None
    assert [(each.test_from_ms, each.test_until_ms) for each in plan.devices] == [(AT_MS, until_ms)]


def test_a_test_is_not_handed_over(connection: Connection, device: str, other: str) -> None:
    plan_test(connection, device, 600, **BY)
    hand_device(connection, device, other, **BY)
    plan = nurse_plan(connection, other, AT_MS)
    assert plan is not None
    assert [each.test_until_ms for each in plan.devices] == [None]


def test_a_test_that_cannot_be_made_is_refused(connection: Connection, device: str) -> None:
    for within_s in (0, 9, 3601, float("nan")):
        with pytest.raises(InvalidInput, match="10s to 1h"):
            plan_test(connection, device, within_s, **BY)
    withdraw_device(connection, device, **BY)
    with pytest.raises(InvalidInput, match="revoked"):
        plan_test(connection, device, 60, **BY)


def test_a_planned_test_is_news_of_the_device(connection: Connection, device: str) -> None:
    before = current_marks(connection).registry
    plan_test(connection, device, 600, **BY)
    assert current_marks(connection).registry > before

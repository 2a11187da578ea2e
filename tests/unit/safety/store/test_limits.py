"""Limits in the store: set by an organisation, by those above it and by a visit, and told to the engine."""

import pytest
from sqlalchemy import Connection, select

from safety.errors import InvalidInput, NotFound
from safety.planner import nurse_plan
from safety.rules.effects import TellDevice
from safety.store.effects import store_effects
from safety.store.limits import limits_of_org, set_org_limits, set_visit_limits
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.tables import audit, commands
from safety.store.visits import add_visit
from tests.support.changes import BY, replanned

NOW_MS = BY["at_ms"]


def planned_visit(connection: Connection, nurse: str) -> str:
    visit = add_visit(
        connection, nurse=nurse, lat=31.2, lon=121.4, starts_ms=NOW_MS, ends_ms=NOW_MS + 3_600_000, **BY
    )
    replanned(connection)
    return visit


def test_limits_come_down_from_above(connection: Connection, org: str) -> None:
    below = add_org(connection, name="Lujiazui", parent=org, **BY)
    set_org_limits(connection, org, {"arrival_grace_s": 600, "phone_silent_s": None}, **BY)
    set_org_limits(connection, below, {"arrival_grace_s": 300}, **BY)
    assert limits_of_org(connection, below) == {"arrival_grace_s": 300.0, "phone_silent_s": None}
    assert set_org_limits(connection, below, {}, ["arrival_grace_s"], **BY)["arrival_grace_s"] == 600.0


def test_the_engine_is_told_of_all_nurses_below(connection: Connection, org: str, nurse: str) -> None:
    below = add_org(connection, name="Lujiazui", parent=org, **BY)
    other = add_nurse(connection, org=below, name="Bo", **BY)
    beside = add_nurse(connection, org=add_org(connection, name="Minhang", **BY), name="Ai", **BY)
    replanned(connection)
    set_org_limits(connection, org, {"cancel_window_s": 20}, **BY)
    told = {changed for changed, _ in replanned(connection)}
    assert {nurse, other} <= told
    assert beside not in told
    plan = nurse_plan(connection, other, NOW_MS)
    assert plan is not None
    assert plan.limits == {"cancel_window_s": 20.0}


def test_a_visit_has_limits_of_its_own(connection: Connection, nurse: str) -> None:
    visit = planned_visit(connection, nurse)
    assert set_visit_limits(connection, visit, {"overrun_grace_s": 60}, **BY) == {"overrun_grace_s": 60.0}
    assert replanned(connection) == [(nurse, None)]
    plan = nurse_plan(connection, nurse, NOW_MS)
    assert plan is not None
    assert (plan.limits, plan.visits[0].limits) == ({}, {"overrun_grace_s": 60.0})
    assert set_visit_limits(connection, visit, {}, ["overrun_grace_s"], **BY) == {}


def test_what_makes_no_sense_together_is_refused_and_changes_nothing(
    connection: Connection, org: str, nurse: str
) -> None:
    set_org_limits(connection, org, {"battery_clear_pct": 20}, **BY)
    below = add_org(connection, name="Lujiazui", parent=org, **BY)
    with pytest.raises(InvalidInput, match="battery_clear_pct 20 is not above"):
        set_org_limits(connection, below, {"battery_low_pct": 20}, **BY)
    with pytest.raises(InvalidInput, match="battery_clear_pct 20 is not above"):
        set_visit_limits(connection, planned_visit(connection, nurse), {"battery_low_pct": 20}, **BY)
    with pytest.raises(InvalidInput, match="set and unset"):
        set_org_limits(connection, org, {"cancel_window_s": 1}, ["cancel_window_s"], **BY)
    with pytest.raises(InvalidInput, match="unknown"):
        set_org_limits(connection, org, {}, ["nonsense"], **BY)
    with pytest.raises(NotFound):
        set_org_limits(connection, "org_none", {}, **BY)
    assert limits_of_org(connection, below) == {"battery_clear_pct": 20.0}


def test_a_change_is_on_the_audit_trail(connection: Connection, org: str) -> None:
    set_org_limits(connection, org, {"cancel_window_s": 20}, **BY)
    last = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).one()
    assert (last.action, last.subject, last.detail) == (
        "limits_changed",
        org,
        {"changed": ["cancel_window_s"]},
    )


def test_what_a_device_is_to_be_told_is_owed_once(connection: Connection) -> None:
    told = TellDevice(
        id="c1",
        device="dev_1",
        kind="message",
        at_ms=5_000,
        ttl_s=60.0,
        details={"text": "check_in_reminder"},
    )
    for _ in range(2):
        store_effects(connection, [told], NOW_MS)
    (row,) = connection.execute(select(commands)).all()
    assert (row.device, row.kind, row.due_ms, row.expires_ms) == ("dev_1", "message", 5_000, 65_000)
    assert row.body["details"] == {"text": "check_in_reminder"}

"""Fences reach the engine: the shared ones with their organisation, a visit's own with its nurse."""

import pytest
from shapely.geometry import mapping, shape
from sqlalchemy import Connection

from safety.domain.fence import degrees_of
from safety.domain.fence_import import FenceDraft
from safety.domain.fence_limits import STANDARD, FenceLimits
from safety.domain.schedule import Schedule
from safety.errors import InvalidInput, NotFound
from safety.planner import nurse_plan, org_plan
from safety.store.fences import find_fence, import_fences, known_places, remove_fence
from safety.store.orgs import add_org
from safety.store.visits import add_visit
from tests.support.changes import BY, replanned
from tests.support.records import T0_MS

LINE = {"type": "LineString", "coordinates": [[121.5, 31.2], [121.6, 31.2]]}
NIGHT = Schedule(zone="Asia/Shanghai", days=(4, 5), opens=22 * 60, closes=6 * 60)
LIMITS = FenceLimits(dwell_s=60.0, min_fixes=4)
DRAFT = FenceDraft(name="way", mode="keep_out", geometry=LINE, width_m=40.0, schedule=NIGHT, limits=LIMITS)


@pytest.fixture
def visit(connection: Connection, nurse: str) -> str:
    return add_visit(
        connection, nurse=nurse, lat=31.2, lon=121.5, starts_ms=T0_MS + 1_000, ends_ms=T0_MS + 9_000, **BY
    )


def test_a_shared_fence_is_in_the_plan_with_all_it_has(connection: Connection, org: str) -> None:
    (fence,) = import_fences(connection, org=org, drafts=[DRAFT], **BY)
    (plan,) = org_plan(connection, org).fences
    assert (plan.id, plan.mode, plan.width_m) == (fence, "keep_out", 40.0)
    assert mapping(degrees_of(plan)) == mapping(shape(LINE))
    assert (plan.schedule, plan.limits) == (NIGHT, LIMITS)


def test_a_plain_fence_is_as_usual(connection: Connection, org: str) -> None:
    point = {"type": "Point", "coordinates": [121.5, 31.2]}
    draft = FenceDraft(name="f", mode="stay_in", geometry=point, radius_m=50)
    (fence,) = import_fences(connection, org=org, drafts=[draft], **BY)
    (plan,) = org_plan(connection, org).fences
    assert (plan.schedule, plan.limits) == (None, STANDARD)
    assert find_fence(connection, fence).limits is None


def test_a_visits_own_fence_concerns_its_nurse_alone(
    connection: Connection, org: str, nurse: str, visit: str
) -> None:
    replanned(connection)
    (fence,) = import_fences(connection, org=org, drafts=[DRAFT], visit=visit, **BY)
    assert replanned(connection) == [(nurse, None)]
    assert org_plan(connection, org).fences == ()
    plan = nurse_plan(connection, nurse, 2_000)
    assert plan is not None
    assert [own.id for own in plan.visits[0].fences] == [fence]
    remove_fence(connection, fence, **BY)
    assert replanned(connection) == [(nurse, None)]


def test_the_visit_must_be_one_of_theirs(connection: Connection, org: str, visit: str) -> None:
    other = add_org(connection, name="Other", **BY)
    with pytest.raises(InvalidInput, match=f"expected one of {other}"):
        import_fences(connection, org=other, drafts=[DRAFT], visit=visit, **BY)
    with pytest.raises(NotFound, match="no visit"):
        import_fences(connection, org=org, drafts=[DRAFT], visit="vis_none", **BY)


def test_an_organisation_is_known_by_its_visits(connection: Connection, org: str, visit: str) -> None:
    assert known_places(connection, org) == [(31.2, 121.5)]

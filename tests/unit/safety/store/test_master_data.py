"""People and visits: checked, recorded on the audit trail, and told to the engine as plans that changed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from devices.identity import hash_pin
from safety.errors import InvalidInput, NotFound
from safety.store.audit import verify_audit
from safety.store.database import Database
from safety.store.fences import remove_fence
from safety.store.nurses import add_nurse, find_nurse, list_nurses, update_nurse
from safety.store.orgs import add_org, find_org, lineage, list_orgs
from safety.store.responders import add_responder, find_responder, list_responders, update_responder
from safety.store.tables import audit, nurses
from safety.store.visits import add_visit, find_visit, list_visits, update_visit
from tests.support.changes import BY, recorded, replanned

PLACE: Any = {"lat": 31.2, "lon": 121.5}
TIME: Any = {"starts_ms": 1_795_000_000_000, "ends_ms": 1_795_003_600_000}


class TestOrganisations:
    def test_one_stands_below_another(self, connection: Connection, org: str) -> None:
        child = add_org(connection, name="  Lujiazui ", parent=org, **BY)
        assert find_org(connection, child).name == "Lujiazui"
        assert lineage(connection, child) == [child, org]
        assert [one.id for one in list_orgs(connection)] == sorted([org, child])
        assert recorded(connection).detail == {"parent": org}

    def test_a_parent_must_exist(self, connection: Connection) -> None:
        with pytest.raises(NotFound, match="no organisation org_none"):
            add_org(connection, name="A", parent="org_none", **BY)

    @pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b", "a\nb", "\udcff"])
    def test_a_name_must_be_text(self, connection: Connection, name: str) -> None:
        with pytest.raises(InvalidInput, match="name"):
            add_org(connection, name=name, **BY)

    def test_full_width_spaces_are_text(self, connection: Connection) -> None:
        assert find_org(connection, add_org(connection, name="李　娜", **BY)).name == "李　娜"


class TestNurses:
    def test_pins_are_stored_as_hashes_only(self, connection: Connection, nurse: str) -> None:
        row = connection.execute(select(nurses).where(nurses.c.id == nurse)).one()
        assert (row.pin_hash, row.duress_pin_hash) == (hash_pin(nurse, "1234"), hash_pin(nurse, "4321"))
        assert "1234" not in str(recorded(connection).detail)

    def test_adding_one_tells_the_engine(self, connection: Connection, org: str) -> None:
        added = add_nurse(connection, org=org, name="Wang", **BY)
        assert replanned(connection) == [(added, None)]
        assert recorded(connection)[1:6] == (BY["at_ms"], "cli:test", org, "nurse_added", added)

    @pytest.mark.parametrize(
        ("pin", "duress_pin"),
        [("12", None), ("12345678901234", None), ("12a4", None), ("1234", "1234"), (None, "1234")],
    )
    def test_pins_must_be_different_digits(
        self, connection: Connection, org: str, pin: str | None, duress_pin: str | None
    ) -> None:
        with pytest.raises(InvalidInput, match="pin"):
            add_nurse(connection, org=org, name="A", pin=pin, duress_pin=duress_pin, **BY)

    def test_a_new_name_is_no_news_to_the_engine(self, connection: Connection, nurse: str) -> None:
        assert update_nurse(connection, nurse, {"name": "Li Na Na", "phone": " "}, **BY).name == "Li Na Na"
        assert find_nurse(connection, nurse).phone is None
        assert replanned(connection) == []
        assert recorded(connection).detail == {"changed": ["name", "phone"]}

    def test_a_new_pin_is(self, connection: Connection, nurse: str) -> None:
        update_nurse(connection, nurse, {"pin": "9999"}, **BY)
        assert replanned(connection) == [(nurse, None)]
        row = connection.execute(select(nurses).where(nurses.c.id == nurse)).one()
        assert (row.pin_hash, row.duress_pin_hash) == (hash_pin(nurse, "9999"), hash_pin(nurse, "4321"))

    def test_pins_cannot_become_the_same(self, connection: Connection, nurse: str) -> None:
        for same in ({"pin": "4321"}, {"duress_pin": "1234"}):
            with pytest.raises(InvalidInput, match="the same"):
                update_nurse(connection, nurse, same, **BY)  # type: ignore[arg-type]  # one key each

    def test_without_a_pin_there_is_no_duress_pin(self, connection: Connection, nurse: str) -> None:
        update_nurse(connection, nurse, {"pin": None}, **BY)
        row = connection.execute(select(nurses).where(nurses.c.id == nurse)).one()
        assert (row.pin_hash, row.duress_pin_hash) == (None, None)
        with pytest.raises(InvalidInput, match="expected both"):
            update_nurse(connection, nurse, {"duress_pin": "4321"}, **BY)

    def test_nothing_to_change_leaves_no_trace(self, connection: Connection, nurse: str) -> None:
        before = recorded(connection).seq
        update_nurse(connection, nurse, {}, **BY)
        assert recorded(connection).seq == before

    def test_they_are_listed_by_organisation(self, connection: Connection, nurse: str, org: str) -> None:
        other = add_org(connection, name="Other", **BY)
        assert [one.id for one in list_nurses(connection, orgs=[org])] == [nurse]
        assert list_nurses(connection, orgs=[other]) == []


class TestResponders:
    def test_without_a_channel_it_is_the_log(self, connection: Connection, org: str) -> None:
        assert find_responder(connection, add_responder(connection, org=org, name="Bo", **BY)).channels == [
            "log:"
        ]

    @pytest.mark.parametrize(
        "channel", ["", "log:x", "ftp://a", "http://", "https://a b/", "http://[::1", "mailto:a@b"]
    )
    def test_a_channel_must_be_the_log_or_a_webhook(
        self, connection: Connection, org: str, channel: str
    ) -> None:
        with pytest.raises(InvalidInput, match="channel"):
            add_responder(connection, org=org, name="Bo", channels=[channel], **BY)

    def test_one_can_be_changed(self, connection: Connection, org: str) -> None:
        responder = add_responder(
            connection, org=org, name="Bo", channels=["http://a/", "http://a/"], **PLACE, **BY
        )
        assert find_responder(connection, responder).channels == ["http://a/"]
        changed = update_responder(connection, responder, {"channels": [], "lat": None, "lon": None}, **BY)
        assert (changed.channels, changed.lat, changed.lon) == (["log:"], None, None)
        with pytest.raises(InvalidInput, match="belong together"):
            update_responder(connection, responder, {"lat": 3.0}, **BY)
        assert list_responders(connection) == [changed]


class TestVisits:
    def test_planning_one_tells_the_engine(self, connection: Connection, nurse: str, org: str) -> None:
        visit = add_visit(connection, nurse=nurse, **PLACE, **TIME, check_in_every_s=1800.0, **BY)
        assert replanned(connection) == [(nurse, None)]
        stored = find_visit(connection, visit)
        assert (stored.org, stored.radius_m, stored.check_in_every_s, stored.risk) == (
            org,
            150.0,
            1800.0,
            "low",
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"lat": 91.0},
            {"lon": float("nan")},
            {"radius_m": 0.0},
            {"radius_m": float("inf")},
            {"ends_ms": 1_795_000_000_000},
            {"check_in_every_s": 0.0},
            {"risk": "some"},
            {"patient": "a\x07"},
        ],
    )
    def test_a_value_that_makes_no_sense_is_refused(
        self, connection: Connection, nurse: str, wrong: dict[str, Any]
    ) -> None:
        with pytest.raises(InvalidInput):
            add_visit(connection, nurse=nurse, **{**PLACE, **TIME, **wrong}, **BY)
        visit = add_visit(connection, nurse=nurse, **PLACE, **TIME, **BY)
        with pytest.raises(InvalidInput):
            update_visit(connection, visit, wrong, **BY)  # type: ignore[arg-type]  # one key each

    def test_one_can_be_moved(self, connection: Connection, nurse: str) -> None:
        visit = add_visit(connection, nurse=nurse, **PLACE, **TIME, **BY)
        replanned(connection)
        longer = update_visit(connection, visit, {"ends_ms": TIME["ends_ms"] + 1}, **BY)
        assert longer.ends_ms == TIME["ends_ms"] + 1
        assert replanned(connection) == [(nurse, None)]
        update_visit(connection, visit, {"ends_ms": TIME["ends_ms"] + 1}, **BY)
        assert replanned(connection) == []

    def test_those_that_are_over_can_be_left_out(self, connection: Connection, nurse: str) -> None:
        add_visit(connection, nurse=nurse, **PLACE, **TIME, **BY)
        assert len(list_visits(connection, nurse=nurse, ends_after_ms=TIME["ends_ms"] - 1)) == 1
        assert list_visits(connection, nurse=nurse, ends_after_ms=TIME["ends_ms"]) == []


@pytest.mark.parametrize("what", ["nurse", "responder", "visit", "fence"])
def test_what_there_is_not_is_named_with_its_remedy(connection: Connection, what: str) -> None:
    attempts: dict[str, Any] = {
        "nurse": lambda: update_nurse(connection, "nur_none", {}, **BY),
        "responder": lambda: update_responder(connection, "rsp_none", {}, **BY),
        "visit": lambda: update_visit(connection, "vis_none", {}, **BY),
        "fence": lambda: remove_fence(connection, "fen_none", **BY),
    }
    with pytest.raises(NotFound, match=f"no {what} .*: see `vigil {what} list`"):
        attempts[what]()


def test_a_refused_change_leaves_nothing_behind(database: Database) -> None:
    def add_both() -> None:
        with database.writing() as connection:
            add_nurse(connection, org=add_org(connection, name="A", **BY), name="", **BY)

    with pytest.raises(InvalidInput):
        add_both()
    with database.reading() as connection:
        assert list_orgs(connection) == []
        assert connection.execute(select(audit)).all() == []


def test_every_change_is_on_a_trail_that_holds(connection: Connection, nurse: str) -> None:
    visit = add_visit(connection, nurse=nurse, **PLACE, **TIME, patient="Zhang", **BY)
    update_visit(connection, visit, {"risk": "high"}, **BY)
    assert verify_audit(connection) is None
    trail = connection.execute(select(audit.c.action).order_by(audit.c.seq)).scalars().all()
    assert trail == ["org_added", "nurse_added", "visit_added", "visit_changed"]
    details = str(connection.execute(select(audit.c.detail)).scalars().all())
    assert "Zhang" not in details
    assert "31.2" not in details


@given(st.floats(), st.floats(), st.floats())
def test_no_number_gets_past_the_checks(lat: float, lon: float, radius: float) -> None:
    from safety.domain import checks

    try:
        checks.place(lat, lon)
        checks.radius_m(radius)
    except InvalidInput:
        assert not (abs(lat) <= 90 and abs(lon) <= 180 and 0 < radius <= 100_000)
    else:
        assert abs(lat) <= 90
        assert abs(lon) <= 180
        assert 0 < radius <= 100_000

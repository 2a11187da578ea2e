"""Check-ins: reminded of, put off, refused, and counted from when they were said."""

from devices import reports
from devices.identity import hash_pin
from devices.rfc3339 import rfc3339
from safety.rules.effects import NoteAlert
from tests.support.days import plan_of, raised, replace, run, told
from tests.support.records import PLAN, arrival, at, event, tick, ticks

KIND = "missed_check_in"
PINS = replace(PLAN, pin_hash=hash_pin("nur_1", "1234"), duress_pin_hash=hash_pin("nur_1", "4321"))


def test_her_phone_reminds_her_once_before_it_is_due() -> None:
    (reminder,) = told(PLAN, *ticks(0, 1_795))
    assert (reminder.device, reminder.kind, reminder.at_ms) == ("dev_1", "message", at(1_740))
    assert reminder.details == {"text": "check_in_reminder", "visit": "vis_1", "due": rfc3339(at(1_800))}
    assert at(1_740) + reminder.ttl_s * 1000 == at(1_920), "no use after it counts as missed"


def test_who_has_checked_in_is_reminded_of_the_next_one() -> None:
    reminders = told(PLAN, *ticks(0, 1_000), event(reports.CheckedIn, 1_000), *ticks(1_005, 2_795))
    assert [reminder.at_ms for reminder in reminders] == [at(2_740)]


def test_the_reminder_comes_as_early_as_the_organisation_wants() -> None:
    early = plan_of(limits={"check_in_reminder_s": 600.0})
    assert [reminder.at_ms for reminder in told(early, *ticks(0, 1_700))] == [at(1_200)]
    assert not told(plan_of(limits={"check_in_reminder_s": 0.0}), *ticks(0, 1_900))


def test_she_may_ask_for_more_time_up_to_a_limit() -> None:
    asked = (PLAN, *ticks(0, 100), event(reports.CheckedIn, 100, extend_s=900.0))
    assert not raised(KIND, *asked, *ticks(105, 2_900))
    (alert,) = raised(KIND, *asked, *ticks(105, 2_950))
    assert (alert.occurred_ms, alert.why["extended_s"]) == (at(2_800), 900.0)
    capped = replace(PLAN, limits={"check_in_extension_max_s": 60.0})
    (alert,) = raised(KIND, capped, *asked[1:], *ticks(105, 2_200))
    assert alert.why["extended_s"] == 60.0


def test_the_next_check_in_ends_the_extension() -> None:
    asked = (PLAN, tick(0), event(reports.CheckedIn, 100, extend_s=900.0), event(reports.CheckedIn, 200))
    (alert,) = raised(KIND, *asked, *ticks(205, 2_200))
    assert alert.occurred_ms == at(2_000)


def test_a_wrong_pin_is_no_check_in_and_the_device_says_so() -> None:
    wrong = (PINS, *ticks(0, 1_700), event(reports.CheckedIn, 1_700, pin="0000"))
    assert raised(KIND, *wrong, *ticks(1_705, 1_925))
    assert [tell.details.get("text") for tell in told(*wrong)] == ["pin_refused"]


def test_her_pin_her_duress_pin_and_none_count_alike() -> None:
    for pin in ("1234", "4321", None):
        checked = (PINS, *ticks(0, 1_700), event(reports.CheckedIn, 1_700, pin=pin))
        assert not raised(KIND, *checked, *ticks(1_705, 3_590))
        assert [tell.details["text"] for tell in told(*checked)] == []


def test_a_check_in_that_was_kept_counts_from_when_it_was_said() -> None:
    kept = arrival(reports.CheckedIn(time_ms=at(600)), 1_790)
    (alert,) = raised(KIND, PLAN, *ticks(0, 1_790), kept, *ticks(1_795, 2_600))
    assert alert.occurred_ms == at(2_400)


def test_a_kept_check_in_that_is_no_longer_news_leaves_the_alert() -> None:
    kept = arrival(reports.CheckedIn(time_ms=at(60)), 2_000)
    effects = run(PLAN, *ticks(0, 2_000), kept, *ticks(2_005, 3_000))
    (note,) = (e for e in effects if isinstance(e, NoteAlert) and e.what == "checked_in")
    assert note.detail == {"said_ms": at(60)}
    assert len(raised(KIND, PLAN, *ticks(0, 2_000), kept, *ticks(2_005, 3_000))) == 1


def test_a_visit_that_is_put_off_awaits_check_ins_from_its_new_start() -> None:
    later = plan_of(starts_ms=at(3_600), ends_ms=at(9_000))
    known = (tick(-2_000), PLAN, *ticks(-1_995, -1_000), later)
    assert not raised(KIND, *known, *ticks(-995, 5_515))
    (alert,) = raised(KIND, *known, *ticks(-995, 5_520))
    assert (alert.occurred_ms, alert.why["reminded"]) == (at(5_400), True)


def test_a_visit_that_is_put_off_after_a_missed_check_in_is_watched_anew() -> None:
    later = plan_of(starts_ms=at(3_600), ends_ms=at(9_000))
    alerts = raised(KIND, PLAN, *ticks(0, 2_000), later, *ticks(2_005, 6_000))
    assert [alert.occurred_ms for alert in alerts] == [at(1_800), at(5_400)]


def test_a_visit_that_is_brought_forward_awaits_check_ins_from_then_on() -> None:
    earlier = plan_of(starts_ms=at(-3_000))
    alerts = raised(KIND, tick(-2_010), PLAN, *ticks(-2_005, -2_000), earlier, *ticks(-1_995, 0))
    assert [alert.occurred_ms for alert in alerts] == [at(-200)]


def test_another_start_forgets_nothing_that_she_has_said_since() -> None:
    said = (PLAN, *ticks(0, 1_000), event(reports.CheckedIn, 1_000))
    for starts_s in (-600, 900):
        alerts = raised(KIND, *said, plan_of(starts_ms=at(starts_s)), *ticks(1_005, 3_000))
        assert [alert.occurred_ms for alert in alerts] == [at(2_800)]


def test_the_start_of_a_visit_that_is_on_may_be_corrected() -> None:
    for starts_s, due_s in ((-600, 1_800), (300, 2_100)):
        corrected = plan_of(starts_ms=at(starts_s))
        alerts = raised(KIND, PLAN, *ticks(0, 1_000), corrected, *ticks(1_005, 2_300))
        assert [alert.occurred_ms for alert in alerts] == [at(due_s)]


ASKED_LATER = (
    plan_of(check_in_every_s=600.0),
    plan_of(check_in_every_s=None, limits={"check_in_every_s": 600.0}),
    plan_of(check_in_every_s=None, risk="high", limits={"high_risk_check_in_every_s": 600.0}),
)


def test_who_is_asked_for_check_ins_later_has_the_interval_from_then_on() -> None:
    nobody = plan_of(check_in_every_s=None)
    for asks in ASKED_LATER:
        asked = (nobody, *ticks(0, 1_500), asks)
        (alert,) = raised(KIND, *asked, *ticks(1_505, 2_200))
        assert (alert.occurred_ms, alert.why["reminded"]) == (at(2_100), True)
        assert not raised(KIND, *asked, *ticks(1_505, 2_125))


def test_who_is_asked_more_often_has_the_new_interval_and_no_more_time_than_before() -> None:
    for asked_s, due_s in ((100, 700), (1_000, 1_600), (1_700, 1_800)):
        often = plan_of(check_in_every_s=600.0)
        alerts = raised(KIND, PLAN, *ticks(0, asked_s), often, *ticks(asked_s + 5, 2_000))
        assert [alert.occurred_ms for alert in alerts] == [at(due_s)]


def test_high_risk_is_checked_on_even_if_nobody_planned_it() -> None:
    risky = plan_of(check_in_every_s=None, risk="high")
    (alert,) = raised(KIND, risky, *ticks(0, 1_865))
    assert (alert.why["every_s"], alert.why["grace_s"], alert.why["risk"]) == (1800.0, 60.0, "high")
    assert not raised(KIND, plan_of(check_in_every_s=None), *ticks(0, 3_600))


def test_an_organisation_sets_interval_and_grace() -> None:
    ours = plan_of(check_in_every_s=None, limits={"check_in_every_s": 600.0, "check_in_grace_s": 300.0})
    assert not raised(KIND, ours, *ticks(0, 895))
    assert raised(KIND, ours, *ticks(0, 900))

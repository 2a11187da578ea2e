"""Alarms: every one becomes exactly one alert."""

from typing import Any

import msgspec
import pytest

from devices import reports
from devices.identity import hash_pin
from safety.engine import AlarmEngine
from safety.rules.effects import AlarmRepeated, CancelAlert, Effect, NoteAlert, RaiseAlert, TellDevice
from tests.support.records import PLAN, T0_MS, arrival, at, event, fall, panic, position

WITH_PINS = msgspec.structs.replace(
    PLAN, pin_hash=hash_pin("nur_1", "1234"), duress_pin_hash=hash_pin("nur_1", "4321")
)


def run(*records: Any) -> list[Effect]:
    engine = AlarmEngine()
    return [effect for record in records for effect in engine.step(record)]


def raised(*records: Any) -> list[RaiseAlert]:
    return [effect for effect in run(*records) if isinstance(effect, RaiseAlert)]


def test_a_panic_is_critical_at_once_and_belongs_to_the_visit() -> None:
    (alert,) = raised(PLAN, panic(60, alarm="a1", position=position(0)))
    assert (alert.kind, alert.severity, alert.visit) == ("panic", "critical", "vis_1")
    assert (alert.occurred_ms, alert.late, alert.cancel_until_ms) == (at(60), False, None)


def test_a_panic_needs_no_plan_and_no_position() -> None:
    (alert,) = raised(panic(60))
    assert (alert.nurse, alert.position) == ("nur_1", None)


NEXT = msgspec.structs.replace(PLAN.visits[0], id="vis_2", starts_ms=at(3_000), ends_ms=at(7_200))
ROUND = msgspec.structs.replace(PLAN, visits=(PLAN.visits[0], NEXT))


@pytest.mark.parametrize(
    ("said", "pressed_s", "visit"),
    [
        ([], -840, "vis_1"),  # a quarter of an hour before it she may be there
        ([], -960, None),
        ([], 3_100, "vis_1"),
        ([], 3_700, "vis_2"),
        ([], 7_300, "vis_2"),  # nobody knows that she has gone
        ([], 8_200, None),
        ([("begins", 3_100, "vis_2")], 3_200, "vis_2"),
        ([("arrives", 3_100, "vis_2")], 3_200, "vis_2"),
        ([("ends", 3_050, "vis_1")], 3_100, "vis_2"),
        ([("leaves", 3_050, "vis_1")], 3_100, "vis_2"),
        ([("ends", 1_200, "vis_1")], 1_300, None),
        ([("ends", 1_200, None)], 1_300, None),
        ([("begins", 0, "vis_1"), ("ends", 3_050, None), ("ends", 3_060, None)], 3_100, "vis_2"),
        ([("begins", 3_050, "vis_2"), ("ends", 3_100, None)], 3_110, "vis_1"),
        ([("ends", 1_200, "vis_1"), ("begins", 1_500, "vis_1")], 1_600, "vis_1"),
        ([("begins", 0, "vis_1")], 4_400, "vis_1"),  # she is longer there
        ([("begins", 0, "vis_1")], 4_600, "vis_2"),  # than anybody grants her, and expected elsewhere
        ([("begins", 3_000, "vis_2")], 20_000, "vis_2"),
        ([("begins", 3_000, "vis_2")], 7_200 + 13 * 3_600, None),
        ([("begins", 2_000, "vis_2")], 2_100, "vis_2"),  # before anybody expected her
        ([("begins", -1_800, None)], -1_700, "vis_1"),
        ([("begins", 100, "vis_of_another")], 200, "vis_1"),
    ],
)
def test_an_alarm_is_of_the_visit_that_she_says_she_is_at(
    said: list[tuple[str, float, str | None]], pressed_s: float, visit: str | None
) -> None:
    kinds = {"begins": reports.VisitStarted, "ends": reports.VisitEnded}
    kinds |= {"arrives": reports.Arrived, "leaves": reports.Left}
    words = [event(kinds[what], when_s, visit=which) for what, when_s, which in said]
    (alert,) = raised(ROUND, *words, panic(pressed_s))
    assert alert.visit == visit


def test_an_alarm_that_comes_late_is_of_the_visit_that_she_was_at() -> None:
    words = [event(reports.VisitEnded, 3_100, visit="vis_1"), event(reports.VisitStarted, 3_200)]
    (before,) = raised(ROUND, *words, panic(3_050, received_s=3_300))
    (after,) = raised(ROUND, *words, panic(3_250, received_s=3_300))
    assert (before.visit, after.visit) == ("vis_1", "vis_2")


def test_a_duress_pin_tells_of_the_visit_that_it_was_given_for() -> None:
    pins = msgspec.structs.replace(WITH_PINS, visits=ROUND.visits)
    for kind, visit in ((reports.VisitStarted, "vis_2"), (reports.CheckedIn, "vis_2"), (reports.Left, None)):
        (alert,) = raised(pins, event(kind, 3_050, visit=visit, pin="4321"))
        assert alert.visit == (visit or "vis_1")
    # She was made to end it: whatever she presses next, she is there.
    forced = event(reports.VisitEnded, 600, visit="vis_1", pin="4321")
    assert [alert.visit for alert in raised(pins, forced, panic(620))] == ["vis_1", "vis_1"]


def test_the_same_alarm_again_is_answered_and_raises_nothing() -> None:
    first, *rest = run(*(panic(60, alarm="a1", seq=5, received_s=s) for s in (60, 61, 63, 4_000)))
    assert isinstance(first, RaiseAlert)
    assert [type(effect) for effect in rest] == [AlarmRepeated] * 3
    assert {effect.alert for effect in rest if isinstance(effect, AlarmRepeated)} == {first.id}


def test_the_same_seq_again_is_the_same_alarm() -> None:
    assert len(raised(panic(60, seq=5), panic(62, seq=5), panic(62, seq=5, alarm="late-id"))) == 1


def test_a_device_that_was_reset_is_heard() -> None:
    day_s = 24 * 3600
    assert len(raised(panic(60, seq=5, alarm="1"), panic(day_s, seq=5, alarm="1"))) == 2


def test_an_event_shows_that_a_device_was_reset() -> None:
    check_in = event(reports.CheckedIn, 70, seq=0)
    assert len(raised(panic(60, seq=1), check_in, panic(80, seq=1), panic(80, seq=1, received_s=85))) == 2
    assert len(raised(panic(60, seq=1), check_in, panic(60, seq=1, received_s=85))) == 1
    assert len(raised(panic(60, seq=1, alarm="a"), check_in, panic(80, seq=1, alarm="a"))) == 1
    assert len(raised(panic(60, seq=1), event(reports.CheckedIn, 50, seq=0), panic(60, seq=1))) == 1


def test_a_real_alarm_is_no_repeat_of_a_test() -> None:
    assert len(raised(panic(60, seq=2, test=True), panic(61, seq=2), panic(62, seq=2))) == 2
    assert len(raised(panic(60, seq=2), panic(61, seq=2, test=True))) == 1


def test_another_press_is_another_alarm() -> None:
    assert len(raised(panic(60, alarm="a1"), panic(70, alarm="a2"))) == 2


def test_an_alarm_from_another_device_is_another_alarm() -> None:
    assert len(raised(panic(60, seq=1), panic(60, seq=1, device="dev_2"))) == 2


def test_an_alarm_that_waited_for_an_hour_is_raised_and_marked_late() -> None:
    (alert,) = raised(panic(60, received_s=3_700))
    assert (alert.late, alert.occurred_ms, alert.received_ms) == (True, at(60), at(3_700))


def test_an_implausible_time_is_doubted_and_costs_nothing() -> None:
    for time_ms in (0, T0_MS + 10 * 24 * 3_600_000):
        (alert,) = raised(arrival(reports.PanicPressed(time_ms=time_ms), 60))
        assert (alert.occurred_ms, alert.doubts) == (at(60), ("time",))


def test_a_fall_may_be_taken_back_for_thirty_seconds() -> None:
    alert, cancel = run(fall(60, alarm="f1"), event(reports.AlarmCancelled, 70, alarm="f1"))
    assert isinstance(alert, RaiseAlert)
    assert alert.cancel_until_ms == at(90)
    assert isinstance(cancel, CancelAlert)
    assert cancel.alert == alert.id


def test_too_late_to_take_a_fall_back() -> None:
    effects = run(fall(60, alarm="f1"), event(reports.AlarmCancelled, 91, alarm="f1"))
    assert [getattr(effect, "what", None) for effect in effects] == [None, "cancel_too_late"]


def test_a_cancellation_delivered_again_does_not_take_back_a_later_fall() -> None:
    cancelled = event(reports.AlarmCancelled, 10)
    again = msgspec.structs.replace(cancelled, received_ms=at(40))
    effects = run(PLAN, fall(5, alarm="f1"), cancelled, fall(30, alarm="f2"), again)
    assert [type(effect).__name__ for effect in effects] == ["RaiseAlert", "CancelAlert", "RaiseAlert"]


def test_a_panic_cannot_be_taken_back() -> None:
    effects = run(panic(60, alarm="p1"), event(reports.AlarmCancelled, 61, alarm="p1"))
    assert not [effect for effect in effects if isinstance(effect, CancelAlert)]


def test_a_cancellation_that_overtook_its_fall_counts() -> None:
    effects = run(event(reports.AlarmCancelled, 59, alarm="f1"), fall(60, alarm="f1"))
    assert [type(effect) for effect in effects] == [RaiseAlert, CancelAlert]


def test_a_duress_pin_that_overtook_its_fall_looks_like_success_too() -> None:
    effects = run(WITH_PINS, event(reports.AlarmCancelled, 59, alarm="f1", pin="4321"), fall(60, alarm="f1"))
    assert [getattr(effect, "kind", None) or getattr(effect, "what", None) for effect in effects] == [
        *("duress", "fall", "duress_pin", "alarm_closed")
    ]


def test_a_cancellation_may_name_the_number_of_its_fall() -> None:
    effects = run(event(reports.AlarmCancelled, 59, alarm="7"), fall(60, seq=7))
    assert [type(effect) for effect in effects] == [RaiseAlert, CancelAlert]


def test_two_devices_may_name_their_alarms_alike() -> None:
    falls = [
        arrival(reports.FallDetected(time_ms=at(60), alarm="1"), 60, device) for device in ("dev_1", "dev_2")
    ]
    cancelled = event(reports.AlarmCancelled, 65, alarm="1")
    one, _, cancel = run(*falls, cancelled)
    assert isinstance(one, RaiseAlert)
    assert isinstance(cancel, CancelAlert)
    assert cancel.alert == one.id
    # What one of them took back before it came in is not the other's.
    assert [type(effect) for effect in run(cancelled, falls[1])] == [RaiseAlert]
    # Her phone may take back what her button said.
    assert [type(effect) for effect in run(falls[1], cancelled)] == [RaiseAlert, CancelAlert]


def test_a_wrong_pin_takes_nothing_back() -> None:
    effects = run(WITH_PINS, fall(60, alarm="f1"), event(reports.AlarmCancelled, 65, alarm="f1", pin="0000"))
    assert [type(effect) for effect in effects] == [RaiseAlert, NoteAlert]
    assert not [effect for effect in effects if isinstance(effect, CancelAlert)]


def test_a_cancellation_with_a_wrong_pin_that_overtook_its_fall_counts_for_nothing() -> None:
    effects = run(WITH_PINS, event(reports.AlarmCancelled, 59, alarm="f1", pin="0000"), fall(60, alarm="f1"))
    assert [type(effect) for effect in effects] == [RaiseAlert]


def test_a_duress_pin_instead_of_the_pin_is_duress() -> None:
    for what in (
        event(reports.AlarmCancelled, 65, alarm="f1", pin="4321"),
        event(reports.CheckedIn, 65, pin="4321"),
    ):
        alert = raised(WITH_PINS, fall(60, alarm="f1"), what)[-1]
        assert (alert.kind, alert.silent, alert.severity) == ("duress", True, "critical")


def test_a_duress_pin_alone_is_duress() -> None:
    (alert,) = raised(WITH_PINS, event(reports.PinGiven, 60, pin="4321"))
    assert (alert.kind, alert.silent) == ("duress", True)
    assert raised(WITH_PINS, event(reports.PinGiven, 60, pin="1234")) == []


def test_a_duress_pin_in_the_window_looks_like_success_and_takes_nothing_back() -> None:
    fallen = (WITH_PINS, fall(60, alarm="f1"))
    effects = run(*fallen, event(reports.AlarmCancelled, 65, alarm="f1", pin="4321"))
    fell, duress, note, told = effects
    assert isinstance(fell, RaiseAlert)
    assert isinstance(duress, RaiseAlert)
    assert isinstance(note, NoteAlert)
    assert (duress.kind, note.what, note.alert) == ("duress", "duress_pin", fell.id)
    assert isinstance(told, TellDevice)
    assert (told.kind, told.device, told.alarm, told.alert) == ("alarm_closed", "dev_1", "f1", fell.id)
    later = run(*fallen, *[event(reports.AlarmCancelled, s, alarm="f1", pin=p) for s, p in PINS_IN_TURN])
    assert not [effect for effect in later if isinstance(effect, CancelAlert)]


PINS_IN_TURN = ((65, "4321"), (70, "1234"))


def test_an_organisation_sets_how_long_a_fall_may_be_taken_back() -> None:
    ours = msgspec.structs.replace(PLAN, limits={"cancel_window_s": 60.0})
    (alert,) = raised(ours, fall(60))
    assert (alert.cancel_until_ms, alert.why["cancel_window_s"]) == (at(120), 60.0)
    (alert,) = raised(msgspec.structs.replace(PLAN, limits={"cancel_window_s": 0.0}), fall(60))
    assert alert.cancel_until_ms is None


def test_a_visit_sets_its_own_cancel_window() -> None:
    visit = msgspec.structs.replace(PLAN.visits[0], limits={"cancel_window_s": 10.0})
    ours = msgspec.structs.replace(PLAN, visits=(visit,), limits={"cancel_window_s": 60.0})
    assert raised(ours, fall(60))[0].cancel_until_ms == at(70)
    assert raised(ours, fall(-1_200))[0].cancel_until_ms == at(-1_140), "before the visit"


def test_a_snapshot_carries_everything_over() -> None:
    engine = AlarmEngine()
    ended = event(reports.VisitEnded, 65)
    for record in (WITH_PINS, panic(60, alarm="a1"), fall(61, alarm="f1"), ended):
        engine.step(record)
    restored = AlarmEngine()
    restored.restore(engine.snapshot())
    for record in (panic(70, alarm="a1"), event(reports.AlarmCancelled, 72, alarm="f1"), panic(80)):
        assert restored.step(record) == engine.step(record)

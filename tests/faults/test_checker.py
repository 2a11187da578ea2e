"""The checker itself: it says nothing about what is well, and names each thing that is not."""

import pytest

from tests.faults.checker import Alert, Kept, Message, Press, Receipt, Told, Wrong, faults

ONE, TWO = Press("dev_a", "p1"), Press("dev_a", "p2")


def well() -> tuple[Told, Kept]:
    """Two presses on one alert and three fixes, all of it as it should be."""
    fixes = {Message("dev_a", "fix", str(seq)) for seq in range(3)}
    alarms = {Message(press.device, "alarm", press.alarm) for press in (ONE, TWO)}
    told = Told(
        confirmed=fixes | alarms,
        pressed={ONE, TWO},
        receipts={Receipt(ONE, "alert-1"), Receipt(TWO, "alert-1")},
    )
    kept = Kept(alerts=[Alert("alert-1", ONE, (TWO,))])
    kept.logged["telemetry"] = fixes | alarms
    kept.logged["alarms"] = set(alarms)
    return told, kept


def wrongs(told: Told, kept: Kept) -> set[Wrong]:
    return {fault.wrong for fault in faults(told, kept)}


def test_what_is_well_has_no_faults() -> None:
    assert faults(*well()) == []


def test_more_in_the_log_than_was_acknowledged_is_well() -> None:
    told, kept = well()
    kept.logged["telemetry"].add(Message("dev_a", "fix", "99"))
    told.confirmed.discard(Message("dev_a", "fix", "1"))
    assert faults(told, kept) == []


@pytest.mark.parametrize(
    ("lane", "message"),
    [
        ("telemetry", Message("dev_a", "fix", "1")),
        ("telemetry", Message("dev_a", "alarm", "p1")),
        ("alarms", Message("dev_a", "alarm", "p1")),
    ],
)
def test_a_lost_event_is_named(lane: str, message: Message) -> None:
    told, kept = well()
    kept.logged[lane].remove(message)
    (fault,) = faults(told, kept)
    assert fault.wrong == "lost"
    assert repr(message) in fault.what


def test_an_empty_log_has_lost_everything() -> None:
    told, kept = well()
    kept.logged.clear()
    assert len(faults(told, kept)) == 3 + 2 * 2


def test_a_press_without_an_alert_is_named() -> None:
    told, kept = well()
    kept.alerts[0] = kept.alerts[0]._replace(pressed_again=())
    assert wrongs(told, kept) == {"no_alert", "wrong_alert"}


def test_a_press_with_two_alerts_is_named() -> None:
    told, kept = well()
    kept.alerts.append(Alert("alert-2", TWO))
    assert wrongs(told, kept) == {"two_alerts"}


def test_a_press_noted_twice_is_named() -> None:
    told, kept = well()
    kept.alerts[0] = kept.alerts[0]._replace(pressed_again=(TWO, TWO))
    assert wrongs(told, kept) == {"two_alerts"}


def test_a_receipt_for_an_alert_that_does_not_exist_is_named() -> None:
    told, kept = well()
    told.receipts.add(Receipt(ONE, "alert-7"))
    assert wrongs(told, kept) == {"unknown_alert"}


def test_a_receipt_for_the_alert_of_another_press_is_named() -> None:
    told, kept = well()
    kept.alerts.append(Alert("alert-3", three := Press("dev_b", "p3")))
    told.pressed.add(three)
    told.receipts |= {Receipt(three, "alert-3"), Receipt(three, "alert-1")}
    assert wrongs(told, kept) == {"wrong_alert"}


def test_an_alarm_that_was_never_received_is_named() -> None:
    told, kept = well()
    told.receipts.discard(Receipt(TWO, "alert-1"))
    assert wrongs(told, kept) == {"not_received"}


def test_an_alert_that_nobody_pressed_is_named() -> None:
    told, kept = well()
    kept.alerts.append(Alert("alert-4", Press("dev_b", "p9")))
    assert wrongs(told, kept) == {"not_pressed"}


def test_an_alert_that_waits_and_called_nobody_is_named() -> None:
    told, kept = well()
    kept.alerts[0] = kept.alerts[0]._replace(calls=0)
    assert faults(told, kept) == []  # somebody took it up before
    kept.alerts[0] = kept.alerts[0]._replace(waits=True)
    assert wrongs(told, kept) == {"not_called"}


def test_each_press_may_call_people_once() -> None:
    told, kept = well()
    kept.alerts[0] = kept.alerts[0]._replace(waits=True, calls=2)
    assert faults(told, kept) == []
    kept.alerts[0] = kept.alerts[0]._replace(calls=3)
    assert wrongs(told, kept) == {"called_again"}

"""The account itself: each message that is not kept, and whatever is too much, is named."""

from collections.abc import Sequence

from devices.codecs import native
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase
from ingest.dead_letters import Refusal, letters
from ingest.records import Arrival, DeadLetter
from tests.faults.accounting import Found, Sent, unaccounted
from tests.support.faults_corpus import FIRST_NUMBER, cut, padded

ZERO_MS = 1_790_000_000_000
FIX = Sent(FIRST_NUMBER, "dev_a", "vigil/v1/dev_a/location", cut("location", 1.0)(FIRST_NUMBER, ZERO_MS))
BROKEN = Sent(FIRST_NUMBER + 1, "dev_a", "vigil/v1/dev_a/location", b"{")
ALARM = Sent(FIRST_NUMBER + 2, "dev_a", "vigil/v1/dev_a/alarm", cut("alarm", 0.9)(FIRST_NUMBER + 2, ZERO_MS))
FOREIGN = Sent(FIRST_NUMBER + 3, "dev_a", "vigil/v1/dev_b/alarm", b"{}")
BIG = Sent(FIRST_NUMBER + 4, "dev_a", "vigil/v1/dev_a/event", padded("event")(FIRST_NUMBER + 4, ZERO_MS))
ALL = [FIX, BROKEN, BROKEN, ALARM, FOREIGN, BIG]


def kept(messages: Sequence[Sent]) -> tuple[list[Arrival], list[DeadLetter]]:
    """What ingest makes of `messages`."""
    arrivals: list[Arrival] = []
    buried: list[DeadLetter] = []
    for one in messages:
        if one is FOREIGN:
            refusals = [Refusal("foreign_topic", "not its own")]
        else:
            channel = one.topic.rsplit("/", 1)[1]
            try:
                reading = native.read(channel, one.payload, ZERO_MS)
                reports, faults = reading.reports, reading.faults
            except UnreadablePayload as fault:
                reports, faults = [], [fault]
            arrivals += [Arrival(one.device, None, "org", ZERO_MS, report) for report in reports]
            refusals = [Refusal("unreadable", fault.reason, fault.field) for fault in faults]
        buried += letters(one.topic, one.device, ZERO_MS, one.payload, refusals)
    return arrivals, buried


def account(arrivals: list[Arrival], buried: list[DeadLetter]) -> list[str]:
    urgent = [arrival for arrival in arrivals if arrival.report.urgent]
    return unaccounted(ALL, Found(arrivals, urgent, buried, ZERO_MS))


def test_what_is_kept_is_accounted_for() -> None:
    assert account(*kept(ALL)) == []


def test_each_lost_message_is_named() -> None:
    for lost in ALL:
        rest = [one for one in ALL if one is not lost]
        assert account(*kept(rest)) != [], lost.topic


def test_one_of_two_that_are_alike_is_missed() -> None:
    arrivals, buried = kept(ALL)
    buried.remove(next(letter for letter in buried if letter.payload == BROKEN.payload))
    assert len(account(arrivals, buried)) == 2


def test_an_alarm_that_is_only_a_letter_is_named() -> None:
    arrivals, buried = kept(ALL)
    calm = [arrival for arrival in arrivals if not isinstance(arrival.report, AlarmBase)]
    (fault,) = account(calm, buried)
    assert "0 alarms logged of 1" in fault


def test_a_letter_that_nobody_sent_is_named() -> None:
    arrivals, buried = kept(ALL)
    buried += letters("vigil/v1/dev_a/location", "dev_a", ZERO_MS, b"?", [Refusal("unreadable", "what")])
    (fault,) = account(arrivals, buried)
    assert "for nothing" in fault


def test_the_event_of_another_device_does_not_count() -> None:
    arrivals, buried = kept(ALL)
    others = [
        Arrival("dev_b", None, "org", ZERO_MS, one.report) if not one.report.urgent else one
        for one in arrivals
    ]
    (fault,) = account(others, buried)
    assert str(FIX.number) in fault

"""The native codec: reads what the protocol says, names the field of what it cannot read."""

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import reports
from devices.codecs import Reading
from devices.codecs.native import read
from devices.codecs.native_alarm import MAX_ALARMS
from devices.datum import from_wgs84, to_wgs84
from devices.errors import UnreadablePayload
from devices.reports import Datum
from devices.topics import CHANNELS, Channel

NOW_MS = 1_763_800_000_000


def only(channel: Channel, payload: Any) -> Any:
    reading = read(channel, json.dumps(payload).encode(), NOW_MS)
    assert not reading.faults
    assert len(reading.reports) == 1
    return reading.reports[0]


def test_reads_a_fix() -> None:
    fix = only(
        "location",
        {"seq": 7, "time": "2026-11-22T21:00:00+08:00", "lat": 31.23, "lon": 121.47, "accuracy_m": 8},
    )
    assert fix == reports.Fix(
        seq=7,
        time_ms=1_795_352_400_000,
        position=reports.Position(lat=31.23, lon=121.47, accuracy_m=8.0, time_ms=1_795_352_400_000),
    )


@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_name_of_an_alarm_is_none(blank: str) -> None:
    assert only("alarm", {"kind": "panic", "id": blank, "seq": 7}).alarm is None
    assert only("event", {"kind": "cancel_alarm", "alarm": blank}).alarm is None


def test_what_is_no_json_is_told_in_words() -> None:
    with pytest.raises(UnreadablePayload, match="JSON is malformed") as fault:
        read("location", b"{lat}", NOW_MS)
    assert "jSON" not in fault.value.reason


def test_converts_a_datum_and_keeps_the_original() -> None:
    position = only("location", {"lat": 31.23, "lon": 121.47, "accuracy_m": 8, "datum": "gcj02"}).position
    assert (position.original_lat, position.original_lon) == (31.23, 121.47)
    assert abs(position.lat - 31.23) > 0.001


@pytest.mark.parametrize("channel", sorted(CHANNELS - {"record"}))
def test_a_null_is_as_if_it_were_not_there(channel: Channel) -> None:
    place = {"lat": 31.23, "lon": 121.47}
    nothing = dict.fromkeys(("accuracy_m", "time", "datum", "altitude_m", "speed_mps", "heading_deg"))
    kind = {"alarm": "fall", "event": "check_in"}.get(channel)
    said: dict[str, Any] = {"kind": kind, "fix": place} if kind else {**place, "state": "online"}
    nulls: dict[str, Any] = {**said, "fix": {**place, **nothing}} if kind else {**said, **nothing}
    more = dict.fromkeys(("seq", "id", "test", "silent", "visit", "pin", "alarm", "battery_pct", "motion"))
    assert only(channel, {**nulls, **more}) == only(channel, said)


@pytest.mark.parametrize("datum", ["gcj02", "bd09"])
def test_outside_china_no_datum_is_shifted(datum: Datum) -> None:
    position = only("location", {"lat": 51.4779, "lon": -0.0015, "datum": datum}).position
    assert (position.lat, position.lon) == (51.4779, -0.0015)
    assert from_wgs84(51.4779, -0.0015, datum) == (51.4779, -0.0015)


@given(lat=st.floats(20, 50), lon=st.floats(80, 130), datum=st.sampled_from(get_args(Datum)))
def test_inside_china_a_datum_is_undone_to_the_centimetre(lat: float, lon: float, datum: Datum) -> None:
    assert to_wgs84(*from_wgs84(lat, lon, datum), datum) == pytest.approx((lat, lon), abs=1e-7)


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        (b'{"lat": 91, "lon": 121, "accuracy_m": 5}', "lat"),
        (b'{"lat": "31", "lon": 121, "accuracy_m": 5}', "lat"),
        (b'{"lat": 31, "lon": 121, "accuracy_m": 5, "seq": -1}', "seq"),
        (b'{"lat": 31, "lon": 121, "accuracy_m": 5, "time": "2026-11-22T21:00:00"}', "time"),
        (b'{"lon": 121, "accuracy_m": 5}', "lat"),
        (b'{"lat": NaN, "lon": 121}', "$"),
        (b'{"lat": 1e400, "lon": 121}', "lat"),
        (b'{"lat": true, "lon": 121}', "lat"),
        (b'{"lat": 31, "lon"', "$"),
        (b"\xff\xfe", "$"),
        (b"", "$"),
        (b"[]", "$"),
        (b"[" * 100_000, "$"),
    ],
)
def test_names_the_field_of_a_bad_location(payload: bytes, field: str) -> None:
    with pytest.raises(UnreadablePayload) as caught:
        read("location", payload, NOW_MS)
    assert caught.value.field == field


def test_a_bad_fix_in_a_list_costs_only_itself() -> None:
    good = {"lat": 31.0, "lon": 121.0, "accuracy_m": 5}
    reading = read("location", json.dumps([good, {**good, "lat": 100}, 3, good]).encode(), NOW_MS)
    assert len(reading.reports) == 2
    assert [fault.field for fault in reading.faults] == ["[1].lat", "[2]"]


def test_more_than_a_thousand_fixes_are_refused() -> None:
    good = {"lat": 31.0, "lon": 121.0, "accuracy_m": 5}
    assert len(read("location", json.dumps([good] * 1000).encode(), NOW_MS).reports) == 1000
    with pytest.raises(UnreadablePayload, match="1001 fixes"):
        read("location", json.dumps([good] * 1001).encode(), NOW_MS)


def test_reads_an_alarm() -> None:
    alarm = only(
        "alarm",
        {"seq": 1, "time": NOW_MS, "kind": "fall", "id": "a1", "silent": True,
         "fix": {"lat": 31.0, "lon": 121.0, "accuracy_m": 5}},
    )  # fmt: skip
    assert isinstance(alarm, reports.FallDetected)
    assert (alarm.alarm, alarm.silent, alarm.test, alarm.doubts) == ("a1", True, False, ())
    assert alarm.position is not None


@pytest.mark.parametrize(
    ("payload", "kind", "alarm", "doubt"),
    [
        (b'{"kind":"duress","id":"a7","seq":"x"}', reports.DuressSignalled, "a7", "seq"),
        (b'{"kind":"fall","id":"a7","fix":{"lat":200,"lon":1}}', reports.FallDetected, "a7", "fix.lat"),
        (b'{"kind":"banana","id":"a7"}', reports.PanicPressed, "a7", "kind"),
        (b'{"kind":"fall","id":"a7","seq":12,"ti', reports.FallDetected, "a7", "$"),
        (
            b'{"kind":"fall","id":"a7","fix":{"lat":1,"lon":2,"accuracy_m":NaN}}',
            reports.FallDetected,
            "a7",
            "$",
        ),
        (b'\xff\xfe{"kind":"fall","id":"a7"}', reports.FallDetected, "a7", "$"),
        (b"help", reports.PanicPressed, None, "$"),
        (b"", reports.PanicPressed, None, "$"),
        (b"[]", reports.PanicPressed, None, "$"),
    ],
)
def test_a_broken_alarm_is_still_an_alarm(
    payload: bytes, kind: type[Any], alarm: str | None, doubt: str
) -> None:
    reading = read("alarm", payload, NOW_MS)
    (report,) = reading.reports
    assert type(report) is kind
    assert isinstance(report, reports.AlarmBase)
    assert report.alarm == alarm
    assert doubt in report.doubts
    assert reading.faults


@pytest.mark.parametrize("payload", [b"SOS!!", b"", b"null", b"[]", b'{"id":"a7",'])
def test_an_alarm_that_is_no_json_is_one_fault(payload: bytes) -> None:
    reading = read("alarm", payload, NOW_MS)
    (report,) = reading.reports
    assert isinstance(report, reports.PanicPressed)
    assert report.doubts == ("$",)
    assert [fault.field for fault in reading.faults] == ["$"]


def test_a_doubtful_test_flag_does_not_hide_an_alarm() -> None:
    (report,) = read("alarm", b'{"kind":"panic","test":"yes"}', NOW_MS).reports
    assert isinstance(report, reports.PanicPressed)
    assert report.test is False


def test_an_event_counts_without_its_broken_fix() -> None:
    reading = read("event", b'{"kind":"check_in","fix":{"lat":999,"lon":1}}', NOW_MS)
    assert isinstance(reading.reports[0], reports.CheckedIn)
    assert reading.faults[0].field == "fix.lat"


@pytest.mark.parametrize(
    "bad", ["battery_pct", "speed_mps", "heading_deg", "altitude_m", "accuracy_m", "time"]
)
@pytest.mark.parametrize("channel", ["alarm", "event"])
def test_a_place_counts_whatever_is_wrong_beside_it(channel: Channel, bad: str) -> None:
    said = {
        "kind": "fall" if channel == "alarm" else "check_in",
        "fix": {"lat": 31.0, "lon": 121.0, bad: "x"},
    }
    reading = read(channel, msgspec.json.encode(said), NOW_MS)
    (report,) = reading.reports
    assert isinstance(report, reports.AlarmBase | reports.EventBase)
    assert report.position == reports.Position(31.0, 121.0)
    assert [fault.field for fault in reading.faults] == [f"fix.{bad}"]


@pytest.mark.parametrize(("time", "at_ms"), [({}, NOW_MS - 1), ({"time": NOW_MS - 9_000}, NOW_MS - 9_000)])
@pytest.mark.parametrize("channel", ["alarm", "event"])
def test_the_battery_in_a_fix_counts_wherever_the_fix_stands(
    channel: Channel, time: dict[str, int], at_ms: int
) -> None:
    kind = "fall" if channel == "alarm" else "check_in"
    fix = {"lat": 31.0, "lon": 121.0, "battery_pct": 41, "motion": True, **time}
    for said in (
        {"kind": kind, "time": NOW_MS - 1, "fix": fix},
        {"kind": kind, "seq": "x", "time": NOW_MS - 1, "fix": fix},
    ):
        report, status = read(channel, msgspec.json.encode(said), NOW_MS).reports
        assert report.time_ms == NOW_MS - 1
        assert status == reports.StatusReported(time_ms=at_ms, battery_pct=41)


@pytest.mark.parametrize("fix", [{"lat": 31.0}, {"lat": 31.0, "lon": 121.0, "datum": "mars"}, "here", 7])
def test_what_may_be_anywhere_is_no_place(fix: Any) -> None:
    reading = read("alarm", msgspec.json.encode({"kind": "fall", "fix": fix}), NOW_MS)
    assert isinstance(reading.reports[0], reports.FallDetected)
    assert reading.reports[0].position is None
    assert reading.faults


def test_each_of_a_list_is_an_alarm() -> None:
    said = b'[{"kind":"fall","id":"a"},3,{"kind":"panic","id":"b","seq":"x"},{}]'
    reading = read("alarm", said, NOW_MS)
    assert [type(report) for report in reading.reports] == [reports.FallDetected, reports.PanicPressed]
    assert [fault.field for fault in reading.faults] == ["[1]", "[2].seq", "[3].kind"]
    assert len(read("alarm", b"[{}, {}]", NOW_MS).reports) == 1


def test_what_is_too_much_of_a_list_is_a_fault() -> None:
    said = [{"kind": "fall", "id": str(number)} for number in range(MAX_ALARMS + 1)]
    reading = read("alarm", json.dumps(said).encode(), NOW_MS)
    assert (len(reading.reports), [fault.field for fault in reading.faults]) == (MAX_ALARMS, ["$"])


@pytest.mark.parametrize("channel", get_args(Channel))
def test_an_alarm_on_another_channel_is_an_alarm(channel: Channel) -> None:
    reading = read(channel, b'{"kind": "fall", "id": "f1", "lat": 31.2, "lon": 121.4, "pin": "1"}', NOW_MS)
    alarm, *others = reading.reports
    assert isinstance(alarm, reports.FallDetected)
    assert (alarm.alarm, alarm.doubts) == ("f1", () if channel == "alarm" else ("channel",))
    # What else it says counts as well.
    also = {"location": reports.Fix, "event": reports.PinGiven, "status": reports.StatusReported}
    assert [type(other) for other in others] == ([also[channel]] if channel in also else [])
    assert [fault.field for fault in reading.faults] == ([] if channel == "alarm" else ["kind"])
    if channel != "alarm":
        alike = (b'{"kind": "fell", "x": "panic"}', b'[{"kind": "panic"}]', b'{"a": {"kind": "panic"}}')
        for payload in alike:
            said = read_or_fault(channel, payload)
            assert not isinstance(said, Reading) or not [r for r in said.reports if r.urgent]


def test_a_long_name_is_a_name() -> None:
    alarm = only("alarm", {"kind": "panic", "id": "L" * 250})
    assert isinstance(alarm, reports.PanicPressed)
    assert alarm.alarm == "L" * 250


@pytest.mark.parametrize(
    ("payload", "kind", "field"),
    [
        (b'{"kind":"check_in","pin":"9911","seq":"7"}', reports.CheckedIn, "seq"),
        (b'{"kind":"leave","pin":"9911","time":"2026-11-23T20:00:00"}', reports.Left, "time"),
        (b'{"kind":"check_in","pin":"9911","visit":5}', reports.CheckedIn, "visit"),
        (b'{"kind":"check_in","pin":"9911","extend_s":"x"}', reports.CheckedIn, "extend_s"),
        (b'{"kind":"visit_end","pin":"9911","visit":5}', reports.PinGiven, "visit"),
        (b'{"kind":"cancel_alarm","pin":"9911","alarm":{}}', reports.PinGiven, "alarm"),
        (b'{"kind":"dance","pin":"9911"}', reports.PinGiven, "kind"),
        (b'{"pin":9911}', reports.PinGiven, "kind"),
        (b'{"kind":"check_in","pin":"9911",', reports.PinGiven, "$"),
    ],
)
def test_no_pin_is_lost_with_a_field_beside_it(payload: bytes, kind: type[Any], field: str) -> None:
    reading = read("event", payload, NOW_MS)
    (report,) = reading.reports
    assert type(report) is kind
    assert isinstance(report, reports.EventBase)
    assert report.pin == "9911"
    assert [fault.field for fault in reading.faults] == [field]


@pytest.mark.parametrize("payload", [b'{"kind":"visit_end","visit":5}', b'{"kind":"check_in",', b"{}"])
def test_an_event_that_nobody_understands_is_a_fault(payload: bytes) -> None:
    with pytest.raises(UnreadablePayload):
        read("event", payload, NOW_MS)


def test_reads_status_and_records() -> None:
    status = only("status", {"state": "offline", "battery": 12, "firmware": "1.2"})
    assert (status.online, status.battery_pct, status.firmware) == (False, 12, "1.2")
    segment = only(
        "record",
        {"kind": "segment", "visit": "v", "sha256": "A" * 64, "duration_s": 60, "bytes": 9, "uri": "u"},
    )
    assert (segment.sha256, segment.size_bytes) == ("a" * 64, 9)
    with pytest.raises(UnreadablePayload) as caught:
        read("record", b'{"kind":"step"}', NOW_MS)
    assert caught.value.field == "code"


json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
field_names = st.sampled_from(["kind", "id", "seq", "time", "lat", "lon", "accuracy_m", "fix", "test", "pin"])
values = json_values | st.sampled_from(
    ["panic", "fall", "check_in", [], {}, {"lat": 1, "lon": 2}, {"lat": "x"}]
)
near_messages = st.dictionaries(field_names, values, max_size=6).map(
    lambda message: json.dumps(message).encode()
)
payloads = st.one_of(
    st.binary(max_size=200),
    near_messages,
    st.tuples(near_messages, st.integers(0, 80)).map(lambda pair: pair[0][: pair[1]]),
)


def read_or_fault(channel: Channel, payload: bytes) -> Reading | UnreadablePayload:
    try:
        return read(channel, payload, NOW_MS)
    except UnreadablePayload as fault:
        return fault


@given(channel=st.sampled_from(sorted(CHANNELS)), payload=payloads)
def test_any_bytes_are_reports_or_named_faults(channel: Channel, payload: bytes) -> None:
    reading = read_or_fault(channel, payload)
    if isinstance(reading, UnreadablePayload):
        assert channel != "alarm"
        assert reading.field
        assert reading.reason
        return
    for report in reading.reports:
        packed = msgspec.msgpack.encode(report)
        assert msgspec.msgpack.decode(packed, type=reports.Report) == report
    if channel == "alarm":
        assert isinstance(reading.reports[0], get_args(reports.Alarm))

"""Dialects: each sample makes its reports, and no bytes make anything but reports and named faults."""

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices import reports
from devices.codecs import Reading
from devices.codecs.dialects import DIALECTS, GATEWAYS
from devices.codecs.lora.heard import DECODERS
from devices.errors import UnreadablePayload
from devices.reports import AlarmBase
from devices.topics import CHANNELS
from tests.support.documents import blocks
from tests.support.samples import RECEIVED_MS, SAMPLES, Sample, samples

FOREIGN = sorted(set(DIALECTS) - {"native"})
CHANNELS_OF = {
    "native": sorted(CHANNELS),
    "osmand": ["query", "json", "any"],
    "traccar": ["position", "event", "any"],
    "chirpstack": ["up", "join", "status", "ack", "txack", "log", "location", "integration", "gossip", ""],
}


def read(dialect: str, channel: str, payload: bytes) -> Reading:
    try:
        return DIALECTS[dialect](channel, payload, RECEIVED_MS)
    except UnreadablePayload as fault:
        return Reading([], [fault])


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("sample", samples(), ids=lambda one: f"{one.dialect}-{one.name}")
def test_each_sample_makes_its_reports(sample: Sample) -> None:
    reading = read(sample.dialect, sample.channel, sample.payload)
    assert [rounded(msgspec.to_builtins(report)) for report in reading.reports] == sample.reports
    assert [fault.field for fault in reading.faults] == sample.faults


def test_each_dialect_but_ours_has_samples_with_an_alarm() -> None:
    assert sorted(path.name for path in SAMPLES.iterdir()) == FOREIGN
    for dialect in FOREIGN:
        assert any(one["type"] == "panic_pressed" for sample in samples(dialect) for one in sample.reports)


def alarms(reading: Reading) -> list[AlarmBase]:
    return [report for report in reading.reports if isinstance(report, AlarmBase)]


@pytest.mark.parametrize("sample", samples(), ids=lambda one: f"{one.dialect}-{one.name}")
def test_an_alarm_survives_what_stands_around_it(sample: Sample) -> None:
    """Without any of its other fields, and with each of them broken, an alarm is an alarm."""
    if not any(one["type"] == "panic_pressed" for one in sample.reports) or sample.payload[:1] != b"{":
        return
    try:
        whole = json.loads(sample.payload)
    except ValueError:
        return
    for path, broken in damaged(whole):
        if path[-1] in SAYS_ALARM or "object" in path:
            continue
        reading = read(sample.dialect, sample.channel, json.dumps(broken).encode())
        assert alarms(reading), (path, broken)


# The words by which each dialect says that it is an alarm, and what they stand in.
SAYS_ALARM = {
    *("_type", "alarm", "event", "poi", "tag", "desc", "type", "data", "object", "sos", "press"),
    *("CmdType", "AlarmMethod", "alarmMethod", "alarmType", "Info"),
    *("attributes", "position", "extras", "location"),
}


NONSENSE: tuple[Any, ...] = (None, "", "nonsense", -1, 1e300, [], {}, True)


def damaged(whole: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Return `whole` with each member in turn left out, or made nonsense."""
    made: list[tuple[tuple[str, ...], Any]] = []
    if not isinstance(whole, dict):
        return made
    for key, value in whole.items():
        rest = {name: one for name, one in whole.items() if name != key}
        made += [((*path, key), rest)]
        made += [((*path, key), {**rest, key: bad}) for bad in NONSENSE]
        made += [(deep, {**rest, key: one}) for deep, one in damaged(value, (*path, key))]
    return made


ALARM_FIELDS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "owntracks": lambda said: {"_type": "location", "alarm": said},
    "osmand": lambda said: {"location": {"coords": {}}, "alarm": said},
    "traccar": lambda said: {"position": {"attributes": {"alarm": said}}},
    "jt808": lambda said: {"phone": "1", "alarm": said},
    "chirpstack": lambda said: {"object": {"alarm": said}},
}


def heard(dialect: str, message: dict[str, Any]) -> tuple[str, bool]:
    """Return the one alarm of a message, and whether it is in doubt."""
    reading = read(dialect, "up" if dialect == "chirpstack" else "json", json.dumps(message).encode())
    (alarm,) = alarms(reading)
    assert bool(alarm.doubts) == bool(reading.faults)
    return alarm.name, bool(alarm.doubts)


@pytest.mark.parametrize("dialect", sorted(ALARM_FIELDS))
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("tampering,sos", ("panic_pressed", False)),
        ("fallDown, no motion", ("fall_detected", False)),
        ("sos,duress", ("duress_signalled", False)),
        ("duress;weird", ("duress_signalled", False)),
        ("tamper,weird", ("panic_pressed", True)),
        ("overspeed,tamper", ("tamper_detected", False)),
        (["sos"], ("panic_pressed", False)),
        (["tamper", ["fall"]], ("fall_detected", False)),
        ({"tamper": True, "sos": 1, "duress": False}, ("panic_pressed", False)),
        ([{"type": "fall"}], ("fall_detected", False)),
        ({"weird": True}, ("panic_pressed", True)),
        ([[[[[["fall"]]]]]], ("panic_pressed", True)),
    ],
)
def test_the_strongest_of_several_alarms_counts(dialect: str, said: Any, expected: tuple[str, bool]) -> None:
    assert heard(dialect, ALARM_FIELDS[dialect](said)) == expected


@pytest.mark.parametrize("dialect", sorted(ALARM_FIELDS))
def test_an_alarm_is_one_however_deep_its_field_goes(dialect: str) -> None:
    message = json.dumps(ALARM_FIELDS[dialect]("here"))
    for depth in range(10, 1_000, 10):
        payload = message.replace('"here"', "[" * depth + '"sos"' + "]" * depth).encode()
        reading = read(dialect, "up" if dialect == "chirpstack" else "json", payload)
        assert alarms(reading) or [fault.field for fault in reading.faults] == ["$"]


@pytest.mark.parametrize("dialect", sorted(ALARM_FIELDS))
@pytest.mark.parametrize("said", ["", "normal", [], {}, {"sos": False}, ["overspeed"], False, None])
def test_a_field_for_alarms_that_names_none_is_none(dialect: str, said: Any) -> None:
    message = ALARM_FIELDS[dialect](said)
    assert not alarms(
        read(dialect, "up" if dialect == "chirpstack" else "json", json.dumps(message).encode())
    )


def test_a_word_beside_the_field_for_alarms_is_weighed_with_it() -> None:
    both = {"_type": "location", "alarm": "tamper", "poi": "SOS"}
    assert heard("owntracks", both) == ("panic_pressed", False)
    event = {"type": "alarm", "attributes": {"alarm": "tampering"}}
    said = {"event": event, "position": {"attributes": {"alarm": "tampering,sos"}}}
    assert heard("traccar", said) == ("panic_pressed", False)
    places = {"alarm": "fall", "location": {"extras": {"alarm": "sos"}}}
    assert heard("osmand", places) == ("panic_pressed", False)


@pytest.mark.parametrize(
    ("decoded", "expected"),
    [
        ({"sos": True, "tamper": True}, "panic_pressed"),
        ({"tamper": True, "sos": True}, "panic_pressed"),
        ({"alarm": "fall", "tamper": 1}, "fall_detected"),
        ({"alarm_status": 1.0}, "panic_pressed"),
        ({"alarm": {"status": "sos", "msgid": 7}}, "panic_pressed"),
        ({"buttonPressed": True}, "panic_pressed"),
        ({"event": "sos"}, "panic_pressed"),
        ({"event": "button_pressed"}, "panic_pressed"),
        ({"eventName": "Fall event."}, "fall_detected"),
        ({"messages": [{"type": "battery"}, {"type": "sos"}]}, "panic_pressed"),
        ({"data": {"sos": "true"}}, "panic_pressed"),
        ({"tamper_status": "uninstall"}, "tamper_detected"),
    ],
)
def test_what_chirpstack_decoded_is_an_alarm(decoded: dict[str, Any], expected: str) -> None:
    assert heard("chirpstack", {"object": decoded}) == (expected, False)


@pytest.mark.parametrize(
    "decoded",
    [
        {"tamper_status": "install"},
        {"config": {"sos": True}},
        {"type": "button", "battery": "88"},
        {"buttonPressed": False},
        {"event": "sos_cleared", "battery": 88},
    ],
)
def test_what_chirpstack_decoded_is_no_alarm(decoded: dict[str, Any]) -> None:
    reading = read("chirpstack", "up", json.dumps({"object": decoded}).encode())
    assert [report.name for report in reading.reports] == ["status_reported"]


@pytest.mark.parametrize(
    "decoded",
    [
        {"latitude": "31.5", "longitude": "121.5"},
        {"gps": {"lat": 31.5, "lng": "121.5"}},
        {"latitude": 31.5, "longitude": 121.5, "history": [{"latitude": 1.0, "longitude": 2.0}]},
    ],
)
def test_where_chirpstack_decoded_it_to_be(decoded: dict[str, Any]) -> None:
    (fix, _) = read("chirpstack", "up", json.dumps({"object": decoded}).encode()).reports
    assert isinstance(fix, reports.Fix)
    assert (fix.position.lat, fix.position.lon) == (31.5, 121.5)


def test_an_object_in_which_nothing_is_known_leaves_a_trace() -> None:
    for said, faults in [
        ({"object": {"humidity": 40}}, ["object"]),
        ({"object": {"humidity": 40}, "data": "AXUQ"}, []),
        ({"object": {"sos": False}}, []),
        ({"object": {}}, []),
        ({"object": {"humidity": 40}, "data": "q80="}, ["data"]),
    ]:
        reading = read("chirpstack", "up", json.dumps(said).encode())
        assert [fault.field for fault in reading.faults] == faults, said
        assert [report.name for report in reading.reports] == ["status_reported"]


@pytest.mark.parametrize(
    ("tag", "decoded", "expected"),
    [
        ("check_in", {"press": "short"}, "checked_in"),
        ("check_in", {"press": "short", "sos": True}, "panic_pressed"),
        ("cancel_alarm", {"press": "short", "tamper": True}, "tamper_detected"),
        ("duress", {"press": "short", "sos": True}, "duress_signalled"),
        ("panic", {"press": "short", "duress": True}, "duress_signalled"),
        ("panic", {"press": "short", "tamper": True}, "panic_pressed"),
    ],
)
def test_no_tag_of_a_press_hides_an_alarm_beside_it(tag: str, decoded: dict[str, Any], expected: str) -> None:
    said = {"object": decoded, "deviceInfo": {"tags": {"vigil_short": tag}}}
    reading = read("chirpstack", "up", json.dumps(said).encode())
    assert [report.name for report in reading.reports] == [expected, "status_reported"]


def test_an_alarm_beside_the_press_of_a_test_is_real() -> None:
    said = {"object": {"press": "short", "sos": True}, "deviceInfo": {"tags": {"vigil_short": "test"}}}
    (alarm,) = alarms(read("chirpstack", "up", json.dumps(said).encode()))
    assert not alarm.test


def test_a_press_sent_twice_has_one_name() -> None:
    (twice,) = [one for one in samples("chirpstack") if one.name == "ws101-short"]
    again = json.loads(twice.payload) | {"deduplicationId": "another press, counted from the start"}
    payloads = [twice.payload, twice.payload, json.dumps(again).encode()]
    first, second, third = [alarms(read("chirpstack", "up", each))[0].alarm for each in payloads]
    assert first == second != third
    # The position and the event that Traccar makes of one press.
    pressed = [one for one in samples("traccar") if one.name in {"position-sos", "event-sos"}]
    assert len({alarms(read("traccar", one.channel, one.payload))[0].alarm for one in pressed}) == 1


@pytest.mark.parametrize(
    ("time", "expected_ms"),
    [
        (1795352390, 1795352390000),
        ("1795352390", 1795352390000),
        (1795352390.25, 1795352390250),
        (1795352390123, 1795352390123),
        ("2026-11-22T12:59:50Z", 1795352390000),
        ("2026-11-22T20:59:50.000+0800", 1795352390000),
        ("2026-11-22 12:59:50", 1795352390000),
        (0, RECEIVED_MS),
        ("", RECEIVED_MS),
        (None, RECEIVED_MS),
    ],
)
def test_a_time_is_read_however_it_is_written(time: Any, expected_ms: int) -> None:
    said = {"_type": "location", "lat": 31.0, "lon": 121.0, "tst": time}
    (fix,) = read("owntracks", "", json.dumps(said).encode()).reports
    assert fix.time_ms == expected_ms


@pytest.mark.parametrize("time", ["soon", -5, 1e300, True, [], {"s": 1}])
def test_a_fix_of_no_known_time_is_no_fix(time: Any) -> None:
    said = {"_type": "location", "lat": 31.0, "lon": 121.0, "tst": time}
    reading = read("owntracks", "", json.dumps(said).encode())
    assert reading.reports == []
    assert [fault.field for fault in reading.faults] == ["tst"]


HERE = {"latitude": 31.0, "longitude": 121.0}
PLACES: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "chirpstack up": ("time", lambda at: {"time": at, "object": HERE}),
    "chirpstack location": ("time", lambda at: {"time": at, "location": HERE}),
    "gb28181 any": ("time", lambda at: {"CmdType": "MobilePosition", "Time": at, **HERE}),
    "jt808 any": ("time", lambda at: {"phone": "1", "time": at, **HERE}),
    "osmand json": ("timestamp", lambda at: {"timestamp": at, "location": {"coords": HERE}}),
    "owntracks any": ("tst", lambda at: {"_type": "location", "tst": at, "lat": 31.0, "lon": 121.0}),
    "traccar any": ("position.fixTime", lambda at: {"position": {"fixTime": at, **HERE}}),
}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_a_place_of_no_known_time_does_not_count(place: str) -> None:
    (dialect, channel), (field, message) = place.split(), PLACES[place]
    for at, expected in ((None, [True]), ("garbage", []), (1795352390, [True])):
        reading = read(dialect, channel, json.dumps(message(at)).encode())
        found = [isinstance(one, reports.Fix) for one in reading.reports]
        assert [one for one in found if one] == expected
        assert [fault.field for fault in reading.faults] == ([field] if not expected else [])


@pytest.mark.parametrize("dialect", ["osmand", "owntracks", "jt808", "gb28181"])
def test_of_a_list_only_the_places_of_no_known_time_do_not_count(dialect: str) -> None:
    channel, (_, message) = next((place.split()[1], PLACES[place]) for place in PLACES if dialect in place)
    said = [message(at) for at in ("garbage", "nonsense", 1795352390)]
    (fix,) = read(dialect, channel, json.dumps(said).encode()).reports
    assert fix.time_ms == 1795352390000


def test_the_time_of_a_place_is_that_of_its_fix() -> None:
    at = {**HERE, "fixTime": 1795352390, "deviceTime": "garbage"}
    (fix,) = read("traccar", "position", json.dumps({"position": at}).encode()).reports
    assert (fix.name, fix.time_ms) == ("fix", 1795352390000)


@pytest.mark.parametrize(
    "time", ["2026-11-22T20:59:50+08:00", "2026-11-22 20:59:50.0+0800", "2026-11-22T12:59:50"]
)
def test_a_plus_that_nobody_escaped_is_one(time: str) -> None:
    (fix,) = read("osmand", "query", f"lat=31.0&lon=121.0&timestamp={time}".encode()).reports
    assert (fix.name, fix.time_ms) == ("fix", 1795352390000)


@pytest.mark.parametrize("name", sorted(GATEWAYS))
def test_a_gateway_tells_who_spoke(name: str) -> None:
    expected = {
        "traccar": ("861510000000007",),
        "chirpstack": ("1000000000000001",),
        "jt808": ("013912345678", "13912345678"),
        "gb28181": ("34020000001320000001",),
    }[name]
    named = [part for one in samples(name) for part in GATEWAYS[name](one.payload) if part.names]
    assert named
    assert all(part.names[: len(expected)] == expected for part in named)


def test_the_parts_of_a_list_are_each_of_one_device() -> None:
    (both,) = [one for one in samples("jt808") if one.name == "list"]
    parts = GATEWAYS["jt808"](both.payload)
    said = [report for part in parts for report in read("jt808", "any", part.payload).reports]
    assert said == read("jt808", "any", both.payload).reports
    assert len(parts) == 2


texts = st.sampled_from([one.payload.decode() for one in samples()])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A sample with a piece of it changed."""
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    cut = draw(st.integers(0, 8))
    put = draw(
        st.text(max_size=4) | st.sampled_from(["null", "-1", '"', "{", "]", "1e999", "NaN", "\\u0000"])
    )
    return (text[:at] + put + text[at + cut :]).encode(errors="surrogatepass")


@st.composite
def replaced(draw: st.DrawFn) -> bytes:
    """A sample with one of its values replaced by another one."""
    try:
        whole = json.loads(draw(texts))
    except ValueError:
        return b"{}"
    node = whole
    while isinstance(node, dict) and node:
        key = draw(st.sampled_from(sorted(node)))
        if not isinstance(node[key], dict) or draw(st.booleans()):
            node[key] = draw(json_values)
            break
        node = node[key]
    return json.dumps(whole).encode()


payloads = st.binary(max_size=100) | json_values.map(json.dumps).map(str.encode) | mutated() | replaced()


@given(dialect=st.sampled_from(sorted(DIALECTS)), payload=payloads, data=st.data())
def test_any_bytes_are_reports_or_named_faults(dialect: str, payload: bytes, data: st.DataObject) -> None:
    channel = data.draw(st.sampled_from(CHANNELS_OF.get(dialect, ["any"])))
    reading = read(dialect, channel, payload)
    for fault in reading.faults:
        assert fault.field
        assert fault.reason
    for report in reading.reports:
        packed = msgspec.msgpack.encode(report)
        assert msgspec.msgpack.decode(packed, type=reports.Report) == report
        assert report.time_ms >= 0
        position = getattr(report, "position", None)
        if position is not None:
            assert -90 <= position.lat <= 90
            assert -180 <= position.lon <= 180
    for part in GATEWAYS[dialect](payload) if dialect in GATEWAYS else ():
        assert all(part.names)


@given(data=st.binary(max_size=60) | st.binary(max_size=20).map(lambda tail: b"\x01\x75\x64\xff\x2e" + tail))
def test_no_bytes_of_a_button_upset_a_decoder(data: bytes) -> None:
    for decoder in DECODERS.values():
        decoder(85, data)
    said = {"data": base64.b64encode(data).decode(), "deviceInfo": {"devEui": "1"}, "fCnt": 1}
    reading = read("chirpstack", "up", json.dumps(said).encode())
    assert reading.reports
    if b"\xff\x2e" in data and data.startswith(b"\x01\x75\x64\xff\x2e"):
        assert alarms(reading)


def test_the_button_in_the_document_is_read() -> None:
    (source,) = [block.text for block in blocks("docs/adding-a-device.md") if "@decodes" in block.text]
    before = dict(DECODERS)
    try:
        exec(compile(source, "acme.py", "exec"), {})  # noqa: S102  # the document's own example
        assert read_button("Acme B1 rev 2", bytes([80, 1])) == ["panic_pressed", "status_reported"]
        assert read_button("Acme B1 rev 2", bytes([80, 0])) == ["status_reported"]
    finally:
        DECODERS.clear()
        DECODERS.update(before)


def read_button(model: str, data: bytes) -> list[str]:
    said = {
        "fPort": 10,
        "data": base64.b64encode(data).decode(),
        "deviceInfo": {"deviceProfileName": model},
    }
    reading = read("chirpstack", "up", json.dumps(said).encode())
    assert reading.faults == []
    return [report.name for report in reading.reports]


def test_a_switch_that_stays_on_is_one_alarm_a_minute() -> None:
    said = {"phone": "1", "alarm": 1, "time": "2026-11-22T12:59:00Z"}
    names = []
    for second in (0, 10, 59, 60, 61):
        said["time"] = 1_795_352_340 + second
        names.append(alarms(read("jt808", "any", json.dumps(said).encode()))[0].alarm)
    assert len(set(names[:3])) == 1
    assert len(set(names)) == 2

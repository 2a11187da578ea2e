"""docs/asyncapi.yaml against the code: topics, kinds, fields and their ranges."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import msgspec
import pytest
import yaml

from devices import topics
from devices.codecs import native, native_alarm, native_event, native_wire
from devices.codecs.dialects import DIALECTS
from devices.commands import Command, CommandKind, encode
from devices.topics import Channel
from tests.support.documents import read

NOW_MS = 1_795_352_400_000
DOCUMENT: dict[str, Any] = yaml.safe_load(read("docs/asyncapi.yaml"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
# The fields of one message by its schema, with their types. `fix` is a schema of its own.
WIRE: dict[str, dict[str, Any]] = {
    "Position": {field.name: field.type for field in msgspec.structs.fields(native_wire.WirePosition)},
    "Fix": {field.name: field.type for field in msgspec.structs.fields(native._WireFix)},
    "Alarm": {name: decoder.type for name, decoder in native_alarm._PIECES.decoders.items()},
    "Event": {field.name: field.type for field in msgspec.structs.fields(native_event.WireEvent)},
    "Status": {field.name: field.type for field in msgspec.structs.fields(native._WireStatus)},
    "Record": {field.name: field.type for field in msgspec.structs.fields(native._WireRecord)},
}
SAYS = sorted(get_args(Channel))


def resolve(node: Any) -> Any:
    """Follow references, and take from a schema what restricts a value: no prose, one spelling."""
    if isinstance(node, list):
        return [resolve(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return resolve(target(node["$ref"]))
    kept = {key: resolve(value) for key, value in node.items() if key not in {"description", "default"}}
    if "anyOf" in kept:
        options = [option for option in kept["anyOf"] if option != {"type": "null"}]
        kept = options[0] if len(options) == 1 else {"anyOf": sorted(options, key=str)}
    if "enum" in kept:
        kept = {"enum": sorted(value for value in kept["enum"] if value is not None)}
    return kept


def target(reference: str) -> Any:
    """Return what a local reference points to."""
    node: Any = DOCUMENT
    for part in reference.removeprefix("#/").split("/"):
        node = node[part]
    return node


def properties(name: str) -> dict[str, Any]:
    """Return the properties of a schema, those of the parts of an `allOf` together."""
    parts = [resolve(part) for part in SCHEMAS[name].get("allOf", [SCHEMAS[name]])]
    return {key: value for part in parts for key, value in part["properties"].items()}


def references(node: Any) -> list[str]:
    """Return every reference in a part of the document."""
    if isinstance(node, list):
        return [found for each in node for found in references(each)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if "$ref" in node else []
    return own + [found for each in node.values() for found in references(each)]


def test_every_reference_leads_somewhere() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    for reference in references(DOCUMENT):
        assert target(reference)


def test_the_channels_are_the_topics() -> None:
    addresses = {name: channel["address"] for name, channel in DOCUMENT["channels"].items()}
    expected = {name: topics.up("{device}", name) for name in get_args(Channel)}
    foreign = set(addresses) - {*expected, "down"}
    assert {name: addresses[name] for name in set(addresses) - foreign} == {
        **expected,
        "down": topics.down("{device}"),
    }
    assert {dialect_of(name)[0] for name in foreign} == set(DIALECTS) - {"native", "osmand"}


def dialect_of(name: str) -> tuple[str, str]:
    """Return the dialect of a channel that is not native, and what its codec calls the channel."""
    topic = DOCUMENT["channels"][name]["address"].replace("{event}", "up")
    address = topics.address(re.sub(r"{\w+}", "x1", topic))
    assert address is not None
    return address.dialect, address.channel


@pytest.mark.parametrize("name", sorted({*DOCUMENT["channels"]} - {*SAYS, "down"}))
def test_the_examples_of_the_dialects_are_alarms(name: str) -> None:
    dialect, channel = dialect_of(name)
    for message in DOCUMENT["channels"][name]["messages"].values():
        for example in resolve(message)["examples"]:
            reading = DIALECTS[dialect](channel, json.dumps(example["payload"]).encode(), NOW_MS)
            assert reading.reports[0].name == "panic_pressed"
            assert reading.faults == []


def test_the_events_of_chirpstack_are_those_that_are_read() -> None:
    event = DOCUMENT["channels"]["chirpstack"]["parameters"]["event"]
    assert event["enum"] == list(topics.CHIRPSTACK_EVENTS)


def test_a_device_sends_on_each_channel_and_hears_on_one() -> None:
    actions = {
        operation["channel"]["$ref"].rpartition("/")[2]: operation["action"]
        for operation in DOCUMENT["operations"].values()
    }
    assert actions == {**dict.fromkeys({*DOCUMENT["channels"]} - {"down"}, "send"), "down": "receive"}
    assert {each["bindings"]["mqtt"]["qos"] for each in DOCUMENT["operations"].values()} == {1}
    retained = [name for name, each in DOCUMENT["operations"].items() if each["bindings"]["mqtt"]["retain"]]
    assert retained == ["reportStatus"]


@pytest.mark.parametrize("name", sorted(WIRE))
def test_the_fields_are_those_the_codec_reads(name: str) -> None:
    described = properties(name)
    fields = dict(WIRE[name])
    if name == "Alarm":
        # The codec takes any text as a kind, for an alarm is never refused; these are the ones it knows.
        assert described.pop("kind") == {"enum": sorted(native_alarm._KINDS)}
        del fields["kind"]
    if name in {"Alarm", "Event"}:
        assert SCHEMAS[name]["properties"]["fix"] == {"$ref": "#/components/schemas/Position"}
        described.pop("fix")
        fields.pop("fix", None)
    assert described == {key: resolve(msgspec.json.schema(kind)) for key, kind in fields.items()}


def test_the_commands_are_those_that_are_sent() -> None:
    assert properties("Command")["kind"] == {"enum": sorted(get_args(CommandKind))}
    details: dict[str, Any] = dict.fromkeys(
        ("text", "words", "visit", "due", "fix_every_s", "first_seq", "last_seq")
    )
    command = Command(
        id="c",
        device="d",
        kind="alarm_received",
        at_ms=NOW_MS,
        alarm="a",
        seq=1,
        alert="x",
        details=details,
        expires_ms=NOW_MS,
    )
    assert set(json.loads(encode(command))) == set(properties("Command"))
    least = Command(id="c", device="d", kind="locate", at_ms=NOW_MS)
    assert set(json.loads(encode(least))) == set(SCHEMAS["Command"]["required"])


def test_a_list_holds_as_many_fixes_as_the_codec_takes() -> None:
    assert DOCUMENT["components"]["messages"]["fixes"]["payload"]["maxItems"] == native.MAX_FIXES


@pytest.mark.parametrize("channel", SAYS)
def test_the_examples_can_be_read(channel: Channel) -> None:
    for message in DOCUMENT["channels"][channel]["messages"].values():
        for example in resolve(message)["examples"]:
            reading = native.read(channel, json.dumps(example["payload"]).encode(), NOW_MS)
            assert reading.reports
            assert reading.faults == []


def test_the_last_will_can_be_read() -> None:
    will = DOCUMENT["servers"]["embedded"]["bindings"]["mqtt"]["lastWill"]
    assert will["topic"] == topics.up("{device}", "status")
    (report,) = native.read("status", will["message"].encode(), NOW_MS).reports
    assert getattr(report, "online", None) is False

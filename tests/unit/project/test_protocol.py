"""docs/protocol.md against the code: every example, every endpoint, every word that the contract fixes."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, cast, get_args

import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

import safety.api
from devices.clock import ManualClock
from devices.codecs import native, native_alarm, native_event
from devices.codecs.dialects import DIALECTS
from devices.commands import Command, CommandKind, encode
from devices.registry.port import DeviceKind
from devices.rfc3339 import parse_rfc3339
from devices.topics import CHANNELS, Channel
from ingest.dead_letters import Reason
from ingest.gateway import described
from safety.api import frames, schemas
from safety.api.application import create_app
from safety.api.context import AllWell, ApiSettings
from safety.api.hub import LiveHub
from safety.api.people import ACTS, ADMINISTERS, AUDITS, EDITS
from safety.domain.alert import Action, Resolution, State
from safety.domain.notice import Notice, NoticePosition
from safety.rules.effects import AlertKind, Severity
from safety.store.database import Database, database_url
from safety.store.users import Role
from tests.support.documents import ROOT, Block, blocks, code, read, rows
from tests.support.gateway import Door

NOW_MS = 1_795_352_400_000
PROTOCOL = "docs/protocol.md"
EXAMPLES = [block for block in blocks(PROTOCOL) if block.language == "json"]
METHODS = ("GET", "POST", "PATCH", "DELETE")
# What the outside was promised; a change of these breaks devices, dispatchers' scripts and their tests.
PROMISED: dict[str, tuple[object, str]] = {
    "alert kinds": (
        AlertKind,
        """panic duress fall no_motion tamper fence_exit fence_enter missed_check_in overdue_visit
        device_silent battery_low device_fault""",
    ),
    "severities": (Severity, "critical high warning info"),
    "states": (State, "raised acknowledged dispatched on_scene resolved cancelled"),
    "actions": (Action, "acknowledge assign dispatch arrive note verify resolve"),
    "reasons": (Resolution, "false_alarm test assisted police medical no_fault_found"),
    "roles": (Role, "dispatcher supervisor admin auditor"),
    "kinds of device": (DeviceKind, "phone recorder button"),
    "channels": (Channel, "location alarm event status record"),
    "commands": (
        CommandKind,
        "alarm_received alarm_acknowledged alarm_closed locate resend configure message",
    ),
}
PROMISED_OF_AN_ALERT = """
    id kind severity state nurse device visit org occurred_at received_at raised_at position
    escalation_level owner test version source_event
"""


def about(word: str) -> list[Block]:
    """Return the examples that say `word=…` behind their language."""
    return [block for block in EXAMPLES if word in block.about]


def named(block: Block) -> str:
    """Name a test by what its example is about."""
    return "-".join(f"{key}.{value}" for key, value in block.about.items()).replace("/", "_")


@pytest.fixture(scope="module")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The document that a running service gives."""
    database = Database(database_url(tmp_path_factory.mktemp("openapi")))
    clock = ManualClock()
    door = Door()
    app = create_app(
        database,
        clock,
        health=AllWell(),
        hub=LiveHub(database, clock),
        registry=CollectorRegistry(),
        settings=ApiSettings(),
        gateway=door.gateway.router,
    )
    yield app.openapi()
    door.gateway.close()
    database.close()


def models() -> dict[str, type[BaseModel]]:
    """Return every model of the API by name."""
    found: dict[str, type[BaseModel]] = {}
    for module in pkgutil.iter_modules(safety.api.__path__):
        members = vars(importlib.import_module(f"safety.api.{module.name}")).values()
        found |= {
            each.__name__: each for each in members if inspect.isclass(each) and issubclass(each, BaseModel)
        }
    return found


# ---------------------------------------------------------------------------------------------- examples


def test_every_example_is_about_something_that_is_tested() -> None:
    tested = {"channel", "dialect", "command", "body", "answer", "frame", "webhook"}
    assert EXAMPLES
    assert [block.text for block in EXAMPLES if not tested & set(block.about)] == []


@pytest.mark.parametrize("example", about("channel"), ids=named)
def test_a_device_may_say_this(example: Block) -> None:
    reading = native.read(cast("Channel", example.about["channel"]), example.text.encode(), NOW_MS)
    assert reading.reports
    assert [fault.field for fault in reading.faults] == [*filter(None, [example.about.get("faults")])]


@pytest.mark.parametrize("example", about("dialect"), ids=named)
def test_a_device_may_say_this_in_its_own_words(example: Block) -> None:
    codec = DIALECTS[example.about["dialect"]]
    reading = codec(example.about.get("on", ""), example.text.encode(), NOW_MS)
    assert [report.name for report in reading.reports] == example.about["reports"].split(",")
    assert reading.faults == []


def test_each_dialect_has_its_example() -> None:
    assert {block.about["dialect"] for block in about("dialect")} == set(DIALECTS) - {"native"}


def test_each_channel_has_its_example() -> None:
    assert {block.about["channel"] for block in about("channel")} == CHANNELS


@pytest.mark.parametrize("example", about("command"), ids=named)
def test_a_device_is_told_this(example: Block) -> None:
    said = json.loads(example.text)
    command = Command(
        id=said["id"],
        device="dev_1",
        kind=said["kind"],
        at_ms=parse_rfc3339(said["time"]),
        alarm=said.get("alarm"),
        seq=said.get("seq"),
        alert=said.get("alert"),
        details={name: said[name] for name in ("fix_every_s",) if name in said},
        expires_ms=parse_rfc3339(said["expires"]) if "expires" in said else None,
    )
    assert said["kind"] == example.about["command"]
    assert json.loads(encode(command)) == said


@pytest.mark.parametrize("example", about("body"), ids=named)
def test_the_api_takes_this(example: Block, openapi: dict[str, Any]) -> None:
    method, _, path = example.about["body"].partition(":")
    schema = openapi["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    model = models()[schema["$ref"].rpartition("/")[2]]
    taken = model.model_validate_json(example.text)
    assert taken.model_fields_set == set(json.loads(example.text))


@pytest.mark.parametrize("example", about("answer"), ids=named)
def test_the_api_answers_this(example: Block) -> None:
    name = example.about["answer"]
    shape: type[BaseModel] = getattr(schemas if hasattr(schemas, name) else described, name)
    answer = shape.model_validate_json(example.text)
    assert answer.model_fields_set == set(shape.model_fields)


@pytest.mark.parametrize("example", about("frame"), ids=named)
def test_the_feed_sends_this(example: Block) -> None:
    said = json.loads(example.text)
    assert said["type"] == example.about["frame"]
    if said["type"] == "heartbeat":
        sent = frames.heartbeat(int(said["cursor"]), parse_rfc3339(said["time"]))
        assert json.loads(sent.text) == said
    else:
        assert set(said) == set(json.loads(frames.positions([], NOW_MS).text))
        for position in said["positions"]:
            schemas.NursePosition.model_validate_json(json.dumps(position))


def test_a_webhook_gets_this() -> None:
    (example,) = about("webhook")
    said = json.loads(example.text)
    fields = {
        **said,
        "id": said["notification"],
        "alert": said["id"],
        "responder": "rsp_1",
        "channel": "https:",
    }
    position = NoticePosition(**fields.pop("position"))
    del fields["notification"], fields["text"]
    payload = Notice(**fields, position=position).payload()
    assert payload | {"text": said["text"]} == said
    assert set(cast("dict[str, str]", payload["text"])) == set(said["text"])


# --------------------------------------------------------------------------------------------- endpoints


def listed() -> dict[tuple[str, str], set[str]]:
    """Return the calls in the document's tables; the first of a row with the query parameters beside it."""
    calls: dict[tuple[str, str], set[str]] = {}
    for row in rows(PROTOCOL):
        parameters = set(re.findall(r"`\?([a-z]+)=", " ".join(row[1:])))
        for call in (found.split() for found in code(row[0])):
            if len(call) == 2 and call[0] in METHODS:
                calls[call[0], call[1]], parameters = parameters, set()
    return calls


def test_every_endpoint_is_in_the_document_and_the_other_way_round(openapi: dict[str, Any]) -> None:
    served = {
        (method.upper(), path) for path, operations in openapi["paths"].items() for method in operations
    }
    assert set(listed()) == served


def test_the_query_parameters_are_in_the_document_and_the_other_way_round(openapi: dict[str, Any]) -> None:
    everywhere = {"limit", "cursor"}
    for (method, path), parameters in listed().items():
        described = openapi["paths"][path][method.lower()].get("parameters", [])
        taken = {each["name"] for each in described if each["in"] == "query"} - everywhere
        assert taken == parameters, f"{method} {path}"


# ------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize("what", PROMISED)
def test_the_code_keeps_to_the_promised_words(what: str) -> None:
    words, promised = PROMISED[what]
    assert set(get_args(words)) == set(promised.split())


@pytest.mark.parametrize("what", PROMISED)
def test_the_document_has_every_word(what: str) -> None:
    words = set(code(read(PROTOCOL)))
    spoken = words | {part for word in words for part in word.rstrip(":").rpartition("/")[2].split()}
    if what == "kinds of device":
        return  # the command line's, which the document leaves to its help page
    assert set(get_args(PROMISED[what][0])) - spoken == set()


def test_an_alert_holds_what_was_promised() -> None:
    assert set(PROMISED_OF_AN_ALERT.split()) - set(schemas.Alert.model_fields) == set()


def test_what_a_device_may_say_is_what_is_read() -> None:
    table = {row[0]: row[2] for row in rows(PROTOCOL) if row[0].startswith("`vigil/v1/")}
    assert set(code(table["`vigil/v1/{device}/alarm`"])) == set(native_alarm._KINDS)
    assert set(code(table["`vigil/v1/{device}/event`"])) == set(native_event._KINDS)


def test_the_reasons_of_dead_letters_are_listed() -> None:
    assert set(get_args(Reason)) - set(code(read(PROTOCOL))) == set()


def test_the_roles_may_do_what_the_document_says() -> None:
    assert (ACTS, EDITS, ADMINISTERS, AUDITS) == (
        ("dispatcher", "supervisor", "admin"),
        ("supervisor", "admin"),
        ("admin",),
        ("auditor", "admin"),
    )


def test_every_word_of_the_timeline_is_written_somewhere() -> None:
    (words,) = re.findall(r"`what` is one of (.*?)\.\n", read(PROTOCOL), re.DOTALL)
    rooms = (ROOT / "safety" / room for room in ("rules", "store", "routing"))
    source = "".join(path.read_text(encoding="utf-8") for room in rooms for path in room.rglob("*.py"))
    assert [word for word in code(words) if f'"{word}"' not in source] == []

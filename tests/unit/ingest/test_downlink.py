"""The downlink: what a command is on the wire, in each dialect that can be told anything."""

import json

import pytest

from devices import topics
from devices.commands import Command
from devices.errors import CannotSay
from ingest.downlink import written


def command(codec: str, kind: str = "locate", **details: float | str | None) -> Command:
    return Command(id="cmd_1", device="dev_1", kind=kind, at_ms=0, details=details, codec=codec)  # type: ignore[arg-type]  # kinds of the test's own


def test_a_native_device_hears_its_own_topic() -> None:
    topic, payload = written(command("native", "configure", fix_every_s=5))
    assert topic == topics.down("dev_1")
    assert json.loads(payload)["fix_every_s"] == 5


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (command("owntracks"), {"_type": "cmd", "action": "reportLocation"}),
        (
            command("owntracks", "configure", fix_every_s=5.2),
            {
                "_type": "cmd",
                "action": "setConfiguration",
                "configuration": {"_type": "configuration", "monitoring": 2, "moveModeLocatorInterval": 5},
            },
        ),
        (
            command("owntracks", "configure", fix_every_s=None),
            {
                "_type": "cmd",
                "action": "setConfiguration",
                "configuration": {"_type": "configuration", "monitoring": 1},
            },
        ),
    ],
)
def test_owntracks_hears_words_of_its_own_where_it_may_listen(told: Command, said: object) -> None:
    topic, payload = written(told)
    assert json.loads(payload) == said
    assert topics.may_subscribe("dev_1", topic)
    assert topics.is_command(topic)


@pytest.mark.parametrize(
    "told",
    [command("owntracks", "message", text="x"), command("owntracks", "alarm_received"), command("osmand")],
)
def test_what_a_dialect_has_no_words_for_is_said_so(told: Command) -> None:
    with pytest.raises(CannotSay, match="cmd_1"):
        written(told)

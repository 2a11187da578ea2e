"""Where a scenario's devices come from, as long as nobody has to be asked for them."""

import pytest

from simulators.errors import BadFile
from simulators.provisioning import Provided, find_given, provide
from simulators.roster import Roster, RosterDevice
from simulators.scenario import Scenario, parse

ROSTER = Roster(
    devices=(
        RosterDevice(id="dev_1", secret="s1", kind="phone"),
        RosterDevice(id="dev_2", secret="s2", kind="button"),
        RosterDevice(id="dev_3", secret="s3", kind="phone", codec="native"),
        RosterDevice(id="dev_4", secret="s4", kind="phone", codec="owntracks"),
        RosterDevice(id="dev_5", secret="s5", kind="recorder", codec="jt808"),
    )
)


def scenario(devices: str) -> Scenario:
    return parse(f"name: x\ndevices: [{devices}]\nsteps: []", {})


async def provide_given(devices: str) -> list[Provided]:
    played = scenario(devices)
    return await provide(played, find_given(played, ROSTER, can_make=False), None)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ("{as: a, id: dev_9, secret: own}", [("dev_9", "own")]),
        ("{as: a}, {as: b, kind: button}, {as: c}", [("dev_1", "s1"), ("dev_2", "s2"), ("dev_3", "s3")]),
        ("{as: a}, {as: b, id: dev_1}", [("dev_3", "s3"), ("dev_1", "s1")]),
        ("{as: a, codec: owntracks, id: dev_4}, {as: b}", [("dev_4", "s4"), ("dev_1", "s1")]),
        ("{as: a, id: dev_3}, {as: b, id: dev_1}", [("dev_3", "s3"), ("dev_1", "s1")]),
    ],
    ids=[
        "its own",
        "the first free one of its kind",
        "one it names, which is then no other's",
        "of its dialect",
        "as the file says or leaves open",
    ],
)
async def test_devices_come_from_the_scenario_or_the_roster(
    devices: str, expected: list[tuple[str, str]]
) -> None:
    provided = await provide_given(devices)
    assert [(each.credentials.id, each.credentials.secret) for each in provided] == expected


@pytest.mark.parametrize(
    ("devices", "said"),
    [
        (
            "{as: a, kind: recorder}",
            "device 'a' speaks native, and dev_5 of --devices jt808: say `codec: jt808`",
        ),
        ("{as: a, id: dev_4}", "device 'a' speaks native, and dev_4 of --devices owntracks"),
    ],
)
async def test_a_device_of_another_dialect_is_refused(devices: str, said: str) -> None:
    with pytest.raises(BadFile) as refusal:
        await provide_given(devices)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "devices", ["{as: a, kind: button}, {as: b, kind: button, nurse: a}", "{as: a, id: dev_9}"]
)
async def test_a_device_that_can_come_from_nowhere_is_named(devices: str) -> None:
    with pytest.raises(BadFile, match=r"device '[ab]' has no credentials"):
        await provide_given(devices)

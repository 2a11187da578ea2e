"""Where a scenario's devices come from, as long as nobody has to be asked for them."""

import pytest

from simulators.errors import BadFile
from simulators.provisioning import provide
from simulators.roster import Roster, RosterDevice
from simulators.scenario import Scenario, parse

ROSTER = Roster(
    devices=(
        RosterDevice(id="dev_1", secret="s1", kind="phone"),
        RosterDevice(id="dev_2", secret="s2", kind="button"),
        RosterDevice(id="dev_3", secret="s3", kind="phone"),
    )
)


def scenario(devices: str) -> Scenario:
    return parse(f"name: x\ndevices: [{devices}]\nsteps: []", {})


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ("{as: a, id: dev_9, secret: own}", [("dev_9", "own")]),
        ("{as: a}, {as: b, kind: button}, {as: c}", [("dev_1", "s1"), ("dev_2", "s2"), ("dev_3", "s3")]),
        ("{as: a}, {as: b, id: dev_1}", [("dev_3", "s3"), ("dev_1", "s1")]),
    ],
    ids=["its own", "the first free one of its kind", "one it names, which is then no other's"],
)
async def test_devices_come_from_the_scenario_or_the_roster(
    devices: str, expected: list[tuple[str, str]]
) -> None:
    provided = await provide(scenario(devices), ROSTER, None)
    assert [(each.credentials.id, each.credentials.secret) for each in provided] == expected


@pytest.mark.parametrize("devices", ["{as: a, kind: recorder}", "{as: a, id: dev_9}"])
async def test_a_device_that_can_come_from_nowhere_is_named(devices: str) -> None:
    with pytest.raises(BadFile, match="device 'a' has no credentials"):
        await provide(scenario(devices), ROSTER, None)

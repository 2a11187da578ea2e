"""The registry contract, on the fake and on the store: a device by any name, and who speaks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device, DeviceRegistry, may_speak_for
from devices.registry.sql import SqlDeviceRegistry, add_device, revoke_device
from safety.store.database import Database, database_url
from safety.store.migrate import migrate
from safety.store.tables import orgs

PHONE = Device(id="dev_p", kind="phone", org="org_below", nurse="nur_a")
BUTTON = Device(
    id="dev_b",
    kind="button",
    org="org_below",
    nurse="nur_a",
    codec="chirpstack",
    external_id="24E124535B316056",
)
GATEWAY = Device(id="gtw_c", kind="gateway", org="org_top", nurse=None, codec="chirpstack")
BESIDE = Device(id="gtw_b", kind="gateway", org="org_beside", nurse=None, codec="chirpstack")
TRACCAR = Device(id="gtw_t", kind="gateway", org="org_top", nurse=None, codec="traccar")
ALL = [PHONE, BUTTON, GATEWAY, BESIDE, TRACCAR]
PARENTS = {"org_below": "org_middle", "org_middle": "org_top", "org_beside": "org_top"}


@pytest.fixture(params=["memory", "sql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeviceRegistry]:
    if request.param == "memory":
        memory = MemoryDeviceRegistry()
        for device in ALL:
            memory.add(device)
        memory.parents.update(PARENTS)
        yield memory
        return
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    with database.writing() as connection:
        for org in ("org_top", "org_middle", "org_below", "org_beside"):
            values = {"id": org, "name": org, "parent": PARENTS.get(org), "created_ms": 1}
            connection.execute(insert(orgs).values(values))
        for device in ALL:
            add_device(connection, device, 1)
    yield SqlDeviceRegistry(database.engine)
    database.close()


@pytest.mark.parametrize("refreshed", [False, True])
def test_a_device_is_found_by_what_others_call_it_in_either_case(
    registry: DeviceRegistry, refreshed: bool
) -> None:
    if refreshed:
        registry.refresh()
    for _ in range(2):
        for name in ("24e124535b316056", "24E124535B316056"):
            assert registry.find_external(name) == BUTTON
            assert registry.find_external(name, "chirpstack") == BUTTON
            assert registry.find_external(name, "traccar") is None
    assert registry.find_external("24e124535b316057") is None
    assert registry.find_external("") is None
    assert registry.find_external("dev_b") is None


def test_an_organisation_is_within_itself_and_those_above(registry: DeviceRegistry) -> None:
    for above in ("org_below", "org_middle", "org_top"):
        assert registry.is_within("org_below", above)
    assert not registry.is_within("org_top", "org_below")
    assert not registry.is_within("org_below", "org_beside")
    assert not registry.is_within("org_nowhere", "org_top")


def test_a_gateway_speaks_for_its_own_dialect_and_below_its_organisation(registry: DeviceRegistry) -> None:
    assert may_speak_for(registry, GATEWAY, BUTTON)
    assert may_speak_for(registry, BUTTON, BUTTON)
    assert not may_speak_for(registry, BESIDE, BUTTON)
    assert not may_speak_for(registry, TRACCAR, BUTTON)
    assert not may_speak_for(registry, GATEWAY, PHONE)
    assert not may_speak_for(registry, GATEWAY, BESIDE)
    assert not may_speak_for(registry, PHONE, BUTTON)


def test_what_was_found_by_its_other_name_is_revoked_like_any(tmp_path: Path) -> None:
    database = Database(database_url(tmp_path))
    migrate(database.engine)
    with database.writing() as connection:
        add_device(connection, BUTTON, 1)
    registry = SqlDeviceRegistry(database.engine)
    assert registry.find_external("24e124535b316056") == BUTTON
    with database.writing() as connection:
        revoke_device(connection, BUTTON.id, 2)
    assert registry.refresh()
    found = registry.find_external("24e124535b316056")
    assert found is not None
    assert found.revoked
    database.close()

"""Fences, policies and devices: checked, recorded, and told to the engine as plans that changed."""

import pytest
from sqlalchemy import Connection, select

from devices.errors import UnknownDevice
from devices.identity import secret_matches
from safety.domain.fence_import import FenceDraft
from safety.domain.policy_import import PolicyDraft, Tier
from safety.errors import InvalidInput, NotFound
from safety.store.fences import import_fences, list_fences, remove_fence
from safety.store.fleet import (
    find_device,
    hand_device,
    list_devices,
    register_device,
    rotate_device,
    withdraw_device,
)
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.policies import apply_policy, find_policy, list_policies
from safety.store.responders import add_responder
from safety.store.tables import devices
from tests.support.changes import BY, recorded, replanned


class TestFences:
    def test_all_of_a_file_come_in(self, connection: Connection, org: str) -> None:
        replanned(connection)
        point = {"type": "Point", "coordinates": [121.5, 31.2]}
        drafts = [FenceDraft(name=f"f{n}", mode="keep_out", geometry=point, radius_m=50) for n in range(3)]
        ids = import_fences(connection, org=org, drafts=drafts, **BY)
        assert {fence.id for fence in list_fences(connection, orgs=[org])} == set(ids)
        assert replanned(connection) == [(None, org)]
        remove_fence(connection, ids[0], **BY)
        assert len(list_fences(connection)) == 2
        assert replanned(connection) == [(None, org)]
        with pytest.raises(NotFound, match="no fence"):
            remove_fence(connection, ids[0], **BY)


class TestPolicies:
    def test_names_become_ids(self, connection: Connection, org: str) -> None:
        below = add_org(connection, name="Below", parent=org, **BY)
        own = add_responder(connection, org=below, name="Bo", **BY)
        above = [add_responder(connection, org=org, name=name, **BY) for name in ("Bo", "An")]
        draft = PolicyDraft(org=below, name="day", tiers=(Tier(0, ("Bo", own)), Tier(60, ("An", above[0]))))
        policy, changed = apply_policy(connection, draft, **BY)
        assert changed
        assert policy.tiers == [
            {"after_s": 0, "responders": [own]},
            {"after_s": 60, "responders": [above[1], above[0]]},
        ]
        assert find_policy(connection, below) == policy

    def test_applying_again_changes_nothing(self, connection: Connection, org: str) -> None:
        add_responder(connection, org=org, name="Bo", **BY)
        draft = PolicyDraft(org=org, name="day", tiers=(Tier(0, ("Bo",)),))
        first, _ = apply_policy(connection, draft, **BY)
        before = recorded(connection).seq
        assert apply_policy(connection, draft, **BY) == (first, False)
        assert recorded(connection).seq == before
        changed, _ = apply_policy(connection, PolicyDraft(org=org, name="night", tiers=draft.tiers), **BY)
        assert list_policies(connection, orgs=[org]) == [changed]
        assert changed.id == first.id

    def test_a_responder_must_be_one_of_theirs(self, connection: Connection, org: str) -> None:
        other = add_responder(connection, org=add_org(connection, name="Other", **BY), name="Bo", **BY)
        for wanted in ("Bo", other):
            with pytest.raises(NotFound, match="no responder"):
                apply_policy(connection, PolicyDraft(org=org, name="day", tiers=(Tier(0, (wanted,)),)), **BY)

    def test_a_name_that_several_have_is_refused(self, connection: Connection, org: str) -> None:
        for _ in range(2):
            add_responder(connection, org=org, name="Bo", **BY)
        with pytest.raises(InvalidInput, match="several"):
            apply_policy(connection, PolicyDraft(org=org, name="day", tiers=(Tier(0, ("Bo",)),)), **BY)


class TestDevices:
    def test_the_secret_is_given_once(self, connection: Connection, nurse: str, org: str) -> None:
        device, secret = register_device(connection, kind="phone", nurse=nurse, **BY)
        assert (device.org, device.nurse, device.codec) == (org, nurse, "native")
        stored = connection.execute(select(devices.c.secret_hash)).scalar_one()
        assert secret_matches(secret, stored)
        assert secret not in stored
        assert replanned(connection) == [(nurse, None)]
        renewed = rotate_device(connection, device.id, **BY)
        assert not secret_matches(secret, connection.execute(select(devices.c.secret_hash)).scalar_one())
        assert secret_matches(renewed, connection.execute(select(devices.c.secret_hash)).scalar_one())
        assert replanned(connection) == []

    def test_binding_concerns_both_nurses(self, connection: Connection, nurse: str) -> None:
        other_org = add_org(connection, name="Other", **BY)
        other = add_nurse(connection, org=other_org, name="Wang", **BY)
        device, _ = register_device(connection, kind="button", nurse=nurse, **BY)
        replanned(connection)
        bound = hand_device(connection, device.id, other, **BY)
        assert (bound.nurse, bound.org) == (other, other_org)
        assert set(replanned(connection)) == {(nurse, None), (other, None)}

    def test_revoking_concerns_the_nurse(self, connection: Connection, nurse: str) -> None:
        device, _ = register_device(connection, kind="recorder", nurse=nurse, **BY)
        replanned(connection)
        withdraw_device(connection, device.id, **BY)
        assert find_device(connection, device.id).revoked
        assert replanned(connection) == [(nurse, None)]
        assert list_devices(connection)[0].revoked

    def test_a_revoked_device_is_neither_handed_on_nor_given_a_secret(
        self, connection: Connection, nurse: str, org: str
    ) -> None:
        device, _ = register_device(connection, kind="phone", nurse=nurse, **BY)
        other = add_nurse(connection, org=org, name="Wang", **BY)
        withdraw_device(connection, device.id, **BY)
        before = connection.execute(select(devices)).all()
        replanned(connection)
        for attempt in (
            lambda: rotate_device(connection, device.id, **BY),
            lambda: hand_device(connection, device.id, other, **BY),
        ):
            with pytest.raises(InvalidInput, match=f"{device.id} is revoked"):
                attempt()
        assert connection.execute(select(devices)).all() == before
        assert replanned(connection) == []

    def test_an_external_id_belongs_to_one_device(self, connection: Connection, nurse: str) -> None:
        first, _ = register_device(connection, kind="button", nurse=nurse, external_id="70b3", **BY)
        with pytest.raises(InvalidInput, match=first.id):
            register_device(connection, kind="button", nurse=nurse, external_id=" 70b3 ", **BY)

    def test_an_unknown_device_is_named(self, connection: Connection, nurse: str) -> None:
        for attempt in (
            lambda: rotate_device(connection, "dev_none", **BY),
            lambda: withdraw_device(connection, "dev_none", **BY),
            lambda: hand_device(connection, "dev_none", nurse, **BY),
        ):
            with pytest.raises(UnknownDevice, match="dev_none"):
                attempt()


@pytest.mark.parametrize("codec", ["chirpstack", "traccar", "jt808", "gb28181"])
def test_what_a_gateway_brings_needs_the_name_that_the_gateway_gives_it(
    connection: Connection, nurse: str, codec: str
) -> None:
    with pytest.raises(InvalidInput, match="external id"):
        register_device(connection, kind="button", nurse=nurse, codec=codec, **BY)

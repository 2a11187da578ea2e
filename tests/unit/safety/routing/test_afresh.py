"""Changes of policies and people while somebody is being paged, as scenarios."""

from typing import Any

from safety.domain.policy_import import parse_policy
from safety.errors import DeliveryDelayed
from safety.store.policies import apply_policy
from safety.store.responders import add_responder, update_responder
from safety.store.tables import orgs
from tests.support.paging import ORG, Desk


def by(desk: Desk) -> dict[str, Any]:
    return {"actor": "anna", "at_ms": desk.clock.now_ms()}


def applies(desk: Desk, *tiers: tuple[str, list[str]], org: str = ORG) -> None:
    """Somebody applies a policy, each tier as (after, responders)."""
    plain = [{"after": after, "responders": people} for after, people in tiers]
    with desk.database.writing() as connection:
        apply_policy(connection, parse_policy({"org": org, "name": "ladder", "tiers": plain}), **by(desk))


def adds(desk: Desk, name: str, org: str = ORG) -> str:
    with desk.database.writing() as connection:
        return add_responder(connection, org=org, name=name, channels=["http://hook/" + name], **by(desk))


def moves(desk: Desk, responder: str, *channels: str) -> None:
    with desk.database.writing() as connection:
        update_responder(connection, responder, {"channels": list(channels)}, **by(desk))


def web(desk: Desk) -> Desk:
    """The desk with `http:` brought by its channel as well."""
    desk.worker = desk.new_worker(channels=dict.fromkeys(("page", "log", "http"), desk.channel))
    return desk


async def test_a_shorter_pause_holds_for_what_is_being_paged(desk: Desk) -> None:
    ann, ben = desk.responder("ann"), desk.responder("ben")
    applies(desk, ("0s", [ann]), ("10m", [ben]))
    desk.raises()
    await desk.forward(60)
    assert desk.told() == ["ann"]
    applies(desk, ("0s", [ann]), ("90s", [ben]))
    await desk.forward(29)
    assert desk.told() == [], "nobody is told again for it"
    await desk.forward(1)
    assert desk.told() == ["ben"]


async def test_a_pause_that_is_over_by_now_ends_at_once(desk: Desk) -> None:
    ann, ben = desk.responder("ann"), desk.responder("ben")
    applies(desk, ("0s", [ann]), ("10m", [ben]))
    desk.raises()
    await desk.forward(300)
    desk.told()
    applies(desk, ("0s", [ann]), ("2m", [ben]))
    await desk.settle()
    assert desk.told() == ["ben"]


async def test_whoever_takes_the_place_of_those_told_is_told_at_once(desk: Desk) -> None:
    ann, ben, cid = desk.responder("ann"), desk.responder("ben"), desk.responder("cid")
    applies(desk, ("0s", [ann]), ("10m", [ben]))
    desk.raises()
    await desk.settle()
    desk.told()
    applies(desk, ("0s", [cid]), ("10m", [ben]))
    await desk.settle()
    assert desk.told() == ["cid"]
    await desk.forward(600)
    assert desk.told() == ["ben"]


async def test_the_first_responder_is_told_at_once(desk: Desk) -> None:
    web(desk)
    desk.add(orgs, id="org_b", name="Station 3", parent=ORG, created_ms=0)
    desk.raises(org="org_b", nurse=None)
    await desk.forward(10)
    assert desk.told() == ["nobody"]
    first = adds(desk, "ann")
    await desk.settle()
    assert desk.told() == [first]


async def test_a_corrected_address_is_told_at_once_and_the_old_one_no_more(desk: Desk) -> None:
    web(desk)
    ann = desk.responder("ann", "page:wrong")
    applies(desk, ("0s", [ann]))
    desk.channel.failures = [DeliveryDelayed("http 500")]
    alert = desk.raises()
    await desk.settle()
    moves(desk, ann, "http://hook/right")
    await desk.forward(119)
    assert [notice.channel for notice in desk.channel.sent] == ["http://hook/right"]
    (stopped,) = [row for row in desk.notifications(alert) if row.channel == "page:wrong"]
    assert (stopped.state, stopped.due_ms) == ("failed", None)
    assert stopped.error == "stopped after 1 attempt: the address changed; last: http 500"


async def test_a_send_on_its_way_to_an_old_address_is_not_taken_up_again(desk: Desk) -> None:
    ann = desk.responder("ann", "page:wrong")

    class MovesMeanwhile(type(desk.channel)):  # type: ignore[misc]
        async def send(self, notification: Any) -> None:
            if notification.channel == "page:wrong":
                moves(desk, ann, "log:")
                raise DeliveryDelayed("http 500")

    desk.worker = desk.new_worker(channels={"page": MovesMeanwhile(), "log": desk.channel})
    alert = desk.raises()
    await desk.forward(60)
    assert [row.state for row in desk.notifications(alert) if row.channel == "page:wrong"] == ["failed"]


async def test_another_organisations_changes_page_nobody(desk: Desk) -> None:
    ann = desk.responder("ann")
    desk.add(orgs, id="org_b", name="Minhang", created_ms=0)
    applies(desk, ("0s", [ann]))
    alert = desk.raises()
    await desk.settle()
    due_ms = desk.alert(alert).due_ms
    adds(desk, "ben", org="org_b")
    await desk.settle()
    assert desk.told() == ["ann"]
    assert desk.alert(alert).due_ms == due_ms

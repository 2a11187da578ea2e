"""Commands from outside: a simulated phone is told things by a real service, and answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from devices.clock import SystemClock
from simulators.address import Broker
from simulators.geometry import Point
from simulators.journal import Journal
from simulators.phone import Phone
from simulators.roster import Credentials
from simulators.waiting import end
from simulators.whereabouts import Whereabouts
from tests.support.service import Household
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

OWN_PACE_S = 60.0


@asynccontextmanager
async def phone_of(household: Household) -> AsyncIterator[Phone]:
    """Her phone, connected, known to be online, and reporting once a minute by itself."""
    clock, rng = SystemClock(), Random(4)
    credentials = Credentials(id=household.phone["id"], secret=household.phone["secret"])
    broker = Broker("127.0.0.1", household.service.mqtt_port)
    where = Whereabouts(Point(31.23, 121.46), clock, rng)
    phone = Phone(credentials, broker, clock, rng, Journal(), where, OWN_PACE_S)
    running = asyncio.ensure_future(phone.run())
    try:
        await eventually(lambda: state_of(household) == "online", what="the phone is online")
        yield phone
    finally:
        await end(running)


def state_of(household: Household) -> str:
    return str(household.http.get(f"/api/v1/devices/{household.phone['id']}").json()["state"])


def tell(household: Household, **body: Any) -> str:
    answer = household.http.post(f"/api/v1/devices/{household.phone['id']}/commands", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def delivery(household: Household, command: str) -> str:
    items = household.http.get(f"/api/v1/devices/{household.phone['id']}/commands").json()["items"]
    return str({item["id"]: item["state"] for item in items}[command])


def heard(phone: Phone) -> list[str | None]:
    return [entry.kind for entry in phone.journal if entry.what == "heard"]


async def test_a_phone_answers_what_it_is_told(household: Household) -> None:
    async with phone_of(household) as phone:
        place = tell(household, kind="locate")
        await eventually(lambda: delivery(household, place) == "answered", what="it said where it is")
        seq = phone.report_position()
        again = tell(household, kind="resend", first_seq=0, last_seq=seq)
        await eventually(lambda: delivery(household, again) == "answered", what="it sent that again")
        assert heard(phone) == ["locate", "resend"]


async def test_what_it_misses_while_away_it_hears_when_it_is_back(household: Household) -> None:
    async with phone_of(household) as phone:
        phone.cut()
        await eventually(lambda: state_of(household) == "offline", what="its last will came")
        said, gone = tell(household, kind="message", text="call us"), tell(household, kind="locate", ttl_s=1)
        await eventually(lambda: delivery(household, gone) == "expired", what="the time of one is over")
        assert delivery(household, said) == "queued"
        assert heard(phone) == []
        phone.restore()
        await eventually(lambda: delivery(household, said) == "accepted", what="the other one went out")
        await eventually(lambda: heard(phone) == ["message"], what="it was heard")


async def test_it_reports_more_often_while_an_alert_is_open(household: Household) -> None:
    async with phone_of(household) as phone:
        phone.press()
        await eventually(lambda: phone.fix_every_s == 5, what="it was told to hurry")
        await eventually(lambda: "alarm_received" in heard(phone), what="its alarm was received")
        assert sorted(heard(phone)[:2], key=str) == ["alarm_received", "configure"]
        alert = household.await_alert(kind="panic", state="open")
        body = {"version": alert["version"], "reason": "assisted"}
        assert household.http.post(f"/api/v1/alerts/{alert['id']}/resolve", json=body).status_code == 200
        await eventually(lambda: phone.fix_every_s == OWN_PACE_S, what="it was told to take its time")

"""Telling a nurse's device something, from the alert and from the map, and seeing what becomes of it."""

from __future__ import annotations

from typing import Final

import pytest
from playwright.sync_api import expect

from tests.browser.cast import PASSWORD, House
from tests.browser.desk import Desk
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.integration]

FIX: Final[dict[str, object]] = {"lat": 31.2242, "lon": 121.4602, "accuracy_m": 12}


def test_a_phone_is_asked_where_it_is_and_told_something(desk: Desk, house: House) -> None:
    nurse = house.nurse("定位")
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.publish("location", FIX)
    nurse.device.alarm(fix=FIX)
    desk.cards_of(nurse.name).click()
    told = desk.detail.get_by_test_id("told")
    desk.detail.get_by_test_id("tell-locate").click()
    located = told.locator("[data-kind=locate]")
    expect(located).to_contain_text("on its way")
    nurse.device.publish("location", FIX)
    expect(located).to_have_attribute("data-state", "answered")
    expect(located).to_contain_text("answered at")

    desk.detail.get_by_test_id("tell-message").click()
    desk.detail.get_by_test_id("tell-text").fill("请回电 <b>")
    desk.detail.get_by_test_id("tell-send").click()
    expect(told.locator("[data-kind=message]")).to_contain_text("message")
    expect(desk.detail.get_by_test_id("tell-text")).to_be_hidden()
    expect(told.locator("[data-kind=configure]")).to_have_count(0)


def test_where_nothing_may_ring_there_is_no_message(desk: Desk, house: House) -> None:
    nurse = house.nurse("静默")
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.alarm(kind="duress", fix=FIX)
    desk.cards_of(nurse.name).click()
    expect(desk.detail.get_by_test_id("tell-locate")).to_be_visible()
    expect(desk.detail.get_by_test_id("tell-message")).to_be_hidden()
    expect(desk.detail).to_contain_text("her phone might be heard")


def test_whoever_only_looks_tells_nobody_anything(desk: Desk, house: House) -> None:
    nurse = house.nurse("旁观")
    desk.log_in(house.auditor, PASSWORD)
    nurse.device.alarm(fix=FIX)
    desk.cards_of(nurse.name).click()
    expect(desk.timeline).to_contain_text("Alert raised")
    expect(desk.detail.get_by_test_id("tell-locate")).to_be_hidden()


def test_what_is_being_written_outlives_a_new_position(desk: Desk, house: House) -> None:
    nurse = house.nurse("地图")
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.publish("location", FIX)
    script = """async (nurse) => {
        const { change, state } = await import("/static/js/store.js");
        change(["selection"], (s) => { s.selectedNurse = nurse; });
        return state.positions.has(nurse);
    }"""
    wait_until(lambda: desk.page.evaluate(script, nurse.id), what="the nurse on the map")
    card = desk.page.locator("#nurse-card")
    card.get_by_test_id("tell-message").click()
    card.get_by_test_id("tell-text").fill("请回")
    nurse.device.publish("location", {**FIX, "accuracy_m": 44})
    expect(card).to_contain_text("44 m")
    card.get_by_test_id("tell-text").press_sequentially("电")
    expect(card.get_by_test_id("tell-text")).to_have_value("请回电")
    card.get_by_test_id("tell-send").click()
    expect(card.get_by_test_id("told").locator("[data-kind=message]")).to_contain_text("on its way")

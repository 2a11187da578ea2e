"""The page's address: a notification's link leads to its alert, and a reload stays at what was chosen."""

from __future__ import annotations

import re
from typing import Final

import pytest
from playwright.sync_api import Route, expect

from tests.browser.cast import PASSWORD, Colleague, House, Nurse
from tests.browser.desk import Desk
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.integration]

FIX: Final = {"lat": 31.2242, "lon": 121.4602, "accuracy_m": 12}
NOWHERE: Final = "5b0e3a52-6c1b-5d7e-8a0e-3c8f2f7f9d11"


@pytest.fixture(scope="module")
def colleague(house: House) -> Colleague:
    return house.colleague()


def alarmed(house: House, colleague: Colleague, name: str) -> tuple[Nurse, str]:
    """A nurse who has pressed the button, and the id of her alert."""
    nurse = house.nurse(name)
    nurse.device.alarm(fix=FIX)
    wait_until(lambda: colleague.alerts_of(nurse), what="the alert")
    return nurse, colleague.alerts_of(nurse)[0]["id"]


def expect_shown(desk: Desk, nurse: Nurse, alert: str) -> None:
    expect(desk.detail).to_contain_text(nurse.name)
    expect(desk.timeline).to_contain_text("Alert raised")
    expect(desk.page).to_have_url(f"{desk.base_url}/#/alerts/{alert}")


def test_a_link_leads_to_its_alert_and_a_reload_stays(desk: Desk, house: House, colleague: Colleague) -> None:
    nurse, alert = alarmed(house, colleague, "链接")
    desk.log_in(house.dispatcher, PASSWORD)
    desk.page.goto("about:blank")
    desk.page.goto(f"{desk.base_url}/#/alerts/{alert}")
    expect_shown(desk, nurse, alert)
    expect(desk.cards_of(nurse.name).locator("[aria-current=true]")).to_have_count(1)
    desk.page.reload()
    expect_shown(desk, nurse, alert)


def test_a_link_outlives_the_login(desk: Desk, house: House, colleague: Colleague) -> None:
    nurse, alert = alarmed(house, colleague, "先登录")
    desk.page.goto(f"{desk.base_url}/#/alerts/{alert}")
    expect(desk.page.get_by_test_id("login-user")).to_be_focused()
    desk.type_login(house.dispatcher, PASSWORD)
    expect_shown(desk, nurse, alert)


def test_a_link_is_followed_in_an_open_tab(desk: Desk, house: House, colleague: Colleague) -> None:
    first, one = alarmed(house, colleague, "甲")
    second, other = alarmed(house, colleague, "乙")
    desk.log_in(house.dispatcher, PASSWORD)
    desk.cards_of(first.name).click()
    expect_shown(desk, first, one)
    desk.page.get_by_test_id("view-devices").click()
    expect(desk.page).to_have_url(f"{desk.base_url}/#/devices")
    desk.page.evaluate("(hash) => { location.hash = hash; }", f"#/alerts/{other}")
    expect_shown(desk, second, other)
    expect(desk.page.get_by_test_id("queue")).to_be_visible()
    expect(desk.page.get_by_test_id("devices-view")).to_be_hidden()


def test_each_view_has_its_address_and_back_leads_to_the_one_before(
    desk: Desk, house: House, colleague: Colleague
) -> None:
    nurse, alert = alarmed(house, colleague, "前后")
    desk.page.goto(f"{desk.base_url}/#/devices")
    desk.type_login(house.dispatcher, PASSWORD)
    devices = desk.page.get_by_test_id("devices-view")
    expect(devices).to_be_visible()
    desk.page.get_by_test_id("view-alerts").click()
    desk.cards_of(nurse.name).click()
    expect_shown(desk, nurse, alert)
    desk.page.go_back()
    expect(devices).to_be_visible()
    expect(desk.page).to_have_url(f"{desk.base_url}/#/devices")
    desk.page.go_forward()
    expect(devices).to_be_hidden()
    expect_shown(desk, nurse, alert)


def test_a_link_shows_a_closed_alert_that_no_list_has(desk: Desk, house: House, colleague: Colleague) -> None:
    nurse, alert = alarmed(house, colleague, "已结束")
    colleague.act(alert, "resolve", reason="assisted")

    def without_it(route: Route) -> None:
        route.fulfill(json={"items": [], "next": None})

    desk.page.route(re.compile(r"/api/v1/alerts\?"), without_it)
    desk.page.goto(f"{desk.base_url}/#/alerts/{alert}")
    desk.type_login(house.dispatcher, PASSWORD)
    expect_shown(desk, nurse, alert)
    expect(desk.page.get_by_test_id("detail-state")).to_have_attribute("data-state", "resolved")


def test_an_alert_that_is_not_to_be_had_is_said_to_be_so(
    desk: Desk, house: House, quiet_house: House, colleague: Colleague
) -> None:
    desk.tolerated.append("status of 404")  # the browser's own line about the answer
    nurse, alert = alarmed(house, colleague, "另选")
    _, foreign = alarmed(quiet_house, quiet_house.colleague(), "别家")
    desk.page.goto(f"{desk.base_url}/#/alerts/{NOWHERE}")
    desk.type_login(house.dispatcher, PASSWORD)
    missing = desk.page.get_by_test_id("alert-missing")
    expect(missing).to_contain_text("This alert cannot be shown")
    desk.cards_of(nurse.name).click()
    expect_shown(desk, nurse, alert)
    expect(missing).to_have_count(0)

    desk.page.evaluate("(hash) => { location.hash = hash; }", f"#/alerts/{foreign}")
    expect(missing).to_be_visible()
    expect(desk.detail).not_to_contain_text("别家")
    desk.page.get_by_test_id("lang-switch").get_by_text("中文").click()
    expect(missing).to_contain_text("无法显示这条报警")


@pytest.mark.parametrize("hash", ["#/alerts/", "#/alerts/%zz", "#/alerts/../devices", "#nothing", "#alerts"])
def test_an_address_that_says_nothing_means_the_desk(desk: Desk, quiet_house: House, hash: str) -> None:
    desk.page.goto(f"{desk.base_url}/{hash}")
    desk.type_login(quiet_house.dispatcher, PASSWORD)
    desk.wait_live()
    expect(desk.detail).to_contain_text("No alert selected")
    expect(desk.page).to_have_url(f"{desk.base_url}/")


def test_whoever_logs_out_leaves_no_alert_in_the_address(
    desk: Desk, house: House, colleague: Colleague
) -> None:
    nurse, alert = alarmed(house, colleague, "离开")
    desk.log_in(house.dispatcher, PASSWORD)
    desk.cards_of(nurse.name).click()
    expect_shown(desk, nurse, alert)
    desk.page.get_by_test_id("logout").click()
    expect(desk.page.get_by_test_id("login-form")).to_be_visible()
    expect(desk.page).to_have_url(f"{desk.base_url}/")

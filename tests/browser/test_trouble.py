"""What goes wrong at the desk: somebody is first, the session ends, the cable is cut or only looks whole."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.cast import PASSWORD, Colleague, House, Nurse, Service
from tests.browser.desk import Desk
from tests.browser.link import Link
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.integration]

FIX: Final = {"lat": 31.2242, "lon": 121.4602, "accuracy_m": 12}


def chosen(desk: Desk, house: House, name: str) -> Nurse:
    """A nurse who has pressed the button, her alert chosen at the desk."""
    desk.tolerated.append("409")
    nurse = house.nurse(name)
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.alarm(fix=FIX)
    desk.cards_of(nurse.name).click()
    expect(desk.timeline).to_contain_text("Alert raised")
    return nurse


def overtaken(desk: Desk, first: Colleague, nurse: Nurse) -> tuple[str, Locator]:
    """Acknowledge her alert just after somebody else; return its id, and what the page says of it."""
    alert = first.alerts_of(nurse)[0]["id"]

    def be_first(route: Route) -> None:
        # Between the click and its arrival: the race, every time.
        first.act(alert, "acknowledge")
        route.continue_()

    desk.page.route(f"**/alerts/{alert}/acknowledge", be_first)
    desk.button("acknowledge").click()
    return alert, desk.page.get_by_test_id("conflict")


def test_who_was_first_is_shown(desk: Desk, house: House) -> None:
    colleague = house.colleague()
    nurse = chosen(desk, house, "同时")
    _, conflict = overtaken(desk, colleague, nurse)
    expect(conflict).to_contain_text(f"{colleague.login} was first")
    expect(conflict).to_contain_text("Acknowledged")
    expect(desk.cards_of(nurse.name)).to_have_attribute("data-state", "acknowledged")
    expect(desk.cards_of(nurse.name)).to_contain_text(colleague.login)
    expect(desk.timeline).to_contain_text(f"{colleague.login} acknowledged")


def test_who_was_first_is_told_as_it_was_then(desk: Desk, house: House) -> None:
    colleague = house.colleague()
    alert, conflict = overtaken(desk, colleague, chosen(desk, house, "其后"))
    expect(conflict).to_contain_text("Acknowledged")
    colleague.act(alert, "dispatch")
    expect(desk.page.get_by_test_id("detail-state")).to_have_attribute("data-state", "dispatched")
    expect(conflict).to_contain_text("the alert was then “Acknowledged”")
    expect(conflict).not_to_contain_text("Help dispatched")


def test_whoever_was_first_herself_is_told_so(desk: Desk, house: House, service: Service) -> None:
    nurse = chosen(desk, house, "自己")
    with closing(Colleague(service.base_url, house.dispatcher)) as elsewhere:
        _, conflict = overtaken(desk, elsewhere, nurse)
        expect(conflict).to_contain_text("You acted on it yourself")
        expect(conflict).not_to_contain_text(house.dispatcher)


def told(desk: Desk, **notice: str | None) -> str:
    """What the page says of a conflict."""
    desk.open()
    script = """async (notice) => {
        const { change, state } = await import("/static/js/store.js");
        const { noticeNode } = await import("/static/js/notice.js");
        state.me = { login: "zhao" };
        const shown = { alert: "one", kind: "conflict", action: "acknowledge", ...notice };
        change([], (s) => { s.notice = shown; });
        const text = noticeNode({ id: "one", state: "resolved" }).textContent;
        state.me = null;
        return text;
    }"""
    text: str = desk.page.evaluate(script, notice)
    return text


@pytest.mark.parametrize(("state", "shown"), [("cancelled", "Cancelled by the nurse"), ("raised", "Waiting")])
def test_nobody_is_said_to_have_brought_about_what_the_alarm_did(desk: Desk, state: str, shown: str) -> None:
    """A nurse who cancels or presses again changes the alert after whoever moved it last."""
    text = told(desk, by="wang", at="2026-01-01T00:00:00Z", state=state)
    assert f"it was then “{shown}”" in text
    assert "wang" not in text


def test_what_was_written_stays_until_it_was_sent(desk: Desk, house: House) -> None:
    desk.tolerated += ["ERR_FAILED", "status of 500"]
    nurse = house.nurse("文字")
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.alarm(fix=FIX)
    desk.cards_of(nurse.name).click()
    text, level = desk.page.get_by_test_id("note-text"), desk.page.get_by_test_id("verify-level")
    text.fill("她没事")
    level.select_option("2")
    desk.page.route("**/alerts/*/verify", lambda route: route.fulfill(status=500, json={"detail": "broken"}))
    desk.button("note").click()
    expect(desk.page.get_by_test_id("problem")).to_contain_text("broken")
    expect(text).to_have_value("她没事")
    expect(level).to_have_value("2")
    level.select_option("")
    desk.page.route("**/alerts/*/note", lambda route: route.abort())
    desk.button("note").click()
    expect(desk.page.get_by_test_id("problem")).to_contain_text("may not have reached")
    expect(text).to_have_value("她没事")

    desk.page.unroute("**/alerts/*/note")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    desk.page.route("**/alerts/*/note", hold)
    desk.button("note").click()

    def on_its_way() -> bool:
        desk.wait_drawn()
        return bool(held)

    wait_until(on_its_way, what="the note being sent")
    text.fill("她没事，在楼下。")
    held[0].continue_()
    expect(desk.timeline).to_contain_text("她没事")
    expect(desk.button("note")).to_be_enabled()
    expect(text).to_have_value("她没事，在楼下。")


def test_a_closed_alert_takes_notes_and_no_level(desk: Desk, house: House) -> None:
    desk.tolerated.append("409")
    nurse = house.nurse("结束后")
    colleague = house.colleague()
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.alarm(fix=FIX)
    desk.cards_of(nurse.name).click()
    text, level = desk.page.get_by_test_id("note-text"), desk.page.get_by_test_id("verify-level")
    text.fill("回电无人接听")
    level.select_option("3")
    alert = colleague.alerts_of(nurse)[0]["id"]

    def closed(route: Route) -> None:
        colleague.act(alert, "resolve", reason="assisted")
        route.continue_()

    desk.page.route(f"**/alerts/{alert}/verify", closed)
    desk.button("note").click()
    expect(desk.page.get_by_test_id("conflict")).to_contain_text("Resolved")
    expect(level).to_be_hidden()
    expect(text).to_have_value("回电无人接听")
    desk.button("note").click()
    expect(desk.timeline).to_contain_text("回电无人接听")
    expect(text).to_have_value("")


def test_a_change_that_decides_nothing_refuses_nobody(desk: Desk, house: House) -> None:
    nurse = house.nurse("备注")
    colleague = house.colleague()
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.alarm(fix=FIX)
    desk.cards_of(nurse.name).click()
    expect(desk.timeline).to_contain_text("Alert raised")
    alert = colleague.alerts_of(nurse)[0]["id"]
    noted: list[str] = []

    def noted_first(route: Route) -> None:
        # Nobody has taken the alert by writing something down.
        if not noted:
            noted.append(alert)
            colleague.act(alert, "note", text="I hear her.")
        route.continue_()

    desk.page.route(f"**/alerts/{alert}/acknowledge", noted_first)
    desk.button("acknowledge").click()
    expect(desk.cards_of(nurse.name)).to_have_attribute("data-state", "acknowledged")
    expect(desk.cards_of(nurse.name)).to_contain_text(house.dispatcher)
    expect(desk.page.get_by_test_id("conflict")).to_have_count(0)


def test_an_ended_session_asks_for_the_password_and_keeps_the_desk(desk: Desk, house: House) -> None:
    desk.tolerated += ["401", "403", "WebSocket connection"]
    nurse = house.nurse("过期")
    nurse.device.alarm(fix=FIX)
    desk.log_in(house.dispatcher, PASSWORD)
    desk.cards_of(nurse.name).click()
    desk.page.get_by_test_id("note-text").fill("half written")
    desk.end_session()
    expect(desk.page.get_by_test_id("login-error")).to_contain_text("session has ended")
    expect(desk.page.get_by_test_id("login-user")).to_have_value(house.dispatcher)
    desk.page.get_by_test_id("login-password").fill(PASSWORD)
    desk.page.get_by_test_id("login-submit").click()
    desk.wait_live()
    expect(desk.page.get_by_test_id("note-text")).to_have_value("half written")
    expect(desk.cards_of(nurse.name)).to_have_attribute("data-state", "raised")


def zoomed_in(desk: Desk) -> str:
    """Zoom in by one step as a dispatcher would; return the view it comes to rest at."""
    shown = desk.page.get_by_test_id("map")
    # From now on it does not fit itself to the first positions, which may come at any moment.
    shown.dispatch_event("pointerdown")
    desk.wait_drawn()
    zoom = float(wait_until(desk.map_view).rpartition(",")[2])
    shown.locator(".map-tool").first.click()

    def rested() -> str | None:
        view = desk.map_view()
        return view if view and float(view.rpartition(",")[2]) == zoom + 1 else None

    return wait_until(rested, what="the zoom coming to rest")


def test_a_drop_loses_no_alert_and_leaves_the_map_alone(desk: Desk, house: House, link: Link) -> None:
    desk.tolerated += ["WebSocket connection", "Failed to load resource"]
    before, meanwhile = house.nurse("断线前"), house.nurse("断线中")
    colleague = house.colleague()
    desk.log_in(house.dispatcher, PASSWORD)
    before.device.alarm(fix=FIX)
    desk.cards_of(before.name).click()
    desk.page.get_by_test_id("note-text").fill("halb fertig")
    view = zoomed_in(desk)

    link.cut()
    expect(desk.connection).to_have_attribute("data-state", "reconnecting")
    expect(desk.page.get_by_test_id("stale")).to_be_visible()
    meanwhile.device.alarm(fix=FIX)
    wait_until(lambda: colleague.alerts_of(meanwhile), what="the alert raised during the drop")
    colleague.act(colleague.alerts_of(before)[0]["id"], "acknowledge")
    expect(desk.cards_of(meanwhile.name)).to_have_count(0)

    link.mend()
    desk.wait_live()
    expect(desk.page.get_by_test_id("stale")).to_be_hidden()
    expect(desk.cards_of(meanwhile.name)).to_have_attribute("data-state", "raised")
    expect(desk.cards_of(before.name)).to_have_count(1)
    expect(desk.cards_of(before.name)).to_have_attribute("data-state", "acknowledged")
    assert desk.map_view() == view
    expect(desk.page.get_by_test_id("note-text")).to_have_value("halb fertig")
    expect(desk.cards_of(before.name).locator("[aria-current=true]")).to_have_count(1)


def test_a_connection_that_only_looks_alive_is_noticed(desk: Desk, house: House, link: Link) -> None:
    desk.tolerated += ["WebSocket connection", "Failed to load resource"]
    desk.page.clock.install()
    desk.log_in(house.dispatcher, PASSWORD)
    link.freeze()
    desk.page.clock.fast_forward(20_000)
    expect(desk.connection).to_have_attribute("data-state", "reconnecting")
    expect(desk.page.get_by_test_id("stale")).to_be_visible()


def test_all_is_quiet_is_said_only_with_a_connection(desk: Desk, quiet_house: House, link: Link) -> None:
    desk.tolerated += ["WebSocket connection", "Failed to load resource"]
    desk.log_in(quiet_house.dispatcher, PASSWORD)
    queue = desk.page.get_by_test_id("queue")
    expect(queue).to_contain_text("All quiet")
    link.cut()
    expect(queue).to_contain_text("No connection")
    expect(queue).not_to_contain_text("All quiet")
    link.mend()
    expect(queue).to_contain_text("All quiet")

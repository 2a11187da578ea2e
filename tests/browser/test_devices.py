"""The devices' view: a phone is set up in a minute, its secret seen once; what is worrying is on top."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.cast import PASSWORD, House, Service
from tests.browser.desk import Desk
from tests.support.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.integration]

_DRAW_AGAIN: Final = """async () => {
    document.activeElement?.blur();
    const { change } = await import("/static/js/store.js");
    change(["fleet"], () => {});
    await new Promise(requestAnimationFrame);
}"""


@pytest.fixture(scope="module")
def supervisor(house: House, service: Service) -> str:
    """A supervisor, and two nurses: each has a button that was never heard."""
    login = house.user("supervisor", "sun")
    with httpx.Client(base_url=f"{service.base_url}/api/v1", timeout=PATIENCE_S, trust_env=False) as http:
        token = http.post("/session", json={"username": login, "password": PASSWORD}).json()["token"]
        http.cookies.clear()
        http.headers["Authorization"] = f"Bearer {token}"
        for name in ("周敏", "林静"):
            nurse = http.post("/nurses", json={"name": name}).json()["id"]
            http.post("/devices", json={"kind": "button", "nurse": nurse}).raise_for_status()
    return login


def test_a_phone_is_added_handed_over_and_tested(desk: Desk, supervisor: str) -> None:
    desk.log_in(supervisor, PASSWORD)
    page = desk.page
    page.get_by_test_id("view-devices").click()
    expect(page.get_by_test_id("devices-view")).to_be_visible()
    expect(page.get_by_test_id("queue")).to_be_hidden()
    expect(page.get_by_test_id("worry").first).to_contain_text("never tested")

    page.get_by_test_id("device-add").click()
    form = page.get_by_test_id("device-form")
    form.get_by_test_id("device-nurse").select_option(label="林静")
    form.get_by_test_id("device-new-codec").select_option("owntracks")
    form.get_by_test_id("device-new-submit").click()
    link = page.get_by_test_id("device-link").inner_text()
    config = json.loads(base64.b64decode(link.partition("inline=")[2], validate=True))
    secret = page.get_by_test_id("device-new-secret").inner_text()
    assert config["password"] == secret
    qr = page.get_by_test_id("device-qr")
    wait_until(lambda: qr.evaluate("image => image.complete && image.naturalWidth > 0"), what="the QR code")
    page.get_by_test_id("device-secret-close").click()
    expect(page.get_by_test_id("device-new-secret")).to_have_count(0)
    assert secret not in page.content()

    card = page.get_by_test_id("device-card")
    expect(card).to_contain_text(config["username"])
    page.get_by_test_id("device-hand").click()
    card.get_by_test_id("device-nurse").select_option(label="周敏")
    page.evaluate(_DRAW_AGAIN)  # what was chosen must stay, wherever the focus is
    page.get_by_test_id("device-confirm").click()
    history = page.get_by_test_id("device-history").locator("li")
    expect(history).to_have_count(2)
    expect(history.first).to_contain_text("周敏")
    expect(history.last).to_contain_text(f"handed on by {supervisor}")

    page.get_by_test_id("device-test").click()
    page.get_by_test_id("device-confirm").click()
    expect(page.get_by_test_id("device-testing")).to_contain_text("Its next alarm is a test")
    page.get_by_test_id("device-search").fill("周敏")
    expect(page.get_by_test_id("device-row")).to_have_count(2)
    page.reload()
    desk.wait_live()
    expect(page.get_by_test_id("devices-view")).to_be_visible()


def test_a_table_is_checked_and_then_taken_whole(desk: Desk, supervisor: str, tmp_path: Path) -> None:
    desk.log_in(supervisor, PASSWORD)
    page = desk.page
    page.get_by_test_id("view-devices").click()
    bad = tmp_path / "bad.csv"
    bad.write_text("kind,nurse\npager,林静\nphone,没有此人\n", encoding="gb18030")
    good = tmp_path / "good.csv"
    good.write_text("kind,nurse\nphone,林静\nbutton,林静\n", encoding="utf-8")

    page.get_by_test_id("device-import").click()
    outcome = page.get_by_test_id("device-import-outcome")
    page.get_by_test_id("device-import-file").set_input_files(bad)
    page.get_by_test_id("device-import-check").click()
    expect(outcome).to_contain_text("Line 2, kind")
    expect(outcome).to_contain_text("没有此人")
    page.get_by_test_id("device-import-file").set_input_files(good)
    page.get_by_test_id("device-import-check").click()
    page.get_by_test_id("device-import-do").click()
    with page.expect_download() as waiting:
        page.get_by_test_id("device-import-save").click()
    rows = waiting.value.path().read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[2] for row in rows] == ["kind", "phone", "button"]


def test_a_dispatcher_looks_and_changes_nothing(desk: Desk, house: House, supervisor: str) -> None:
    desk.log_in(house.dispatcher, PASSWORD)
    page = desk.page
    page.get_by_test_id("view-devices").click()
    page.get_by_test_id("device-row").filter(has_text="周敏").first.get_by_text("周敏").click()
    card = page.get_by_test_id("device-card")
    expect(card).to_contain_text("Your role may look at devices")
    expect(page.get_by_test_id("device-history")).to_contain_text("周敏")
    expect(page.get_by_test_id("device-add")).to_be_hidden()
    expect(page.get_by_test_id("device-rotate")).to_have_count(0)
    other = page.get_by_test_id("device-row").filter(has_text="林静").first.get_by_role("button")
    other.press("Enter")
    expect(other).to_have_attribute("aria-pressed", "true")
    expect(other).to_be_focused()
    expect(card).to_contain_text("林静")


def test_on_a_phone_a_chosen_device_comes_into_sight(desk: Desk, supervisor: str) -> None:
    page = desk.page
    page.set_viewport_size({"width": 390, "height": 500})
    desk.log_in(supervisor, PASSWORD)
    page.get_by_test_id("view-devices").click()
    card = page.get_by_test_id("device-card")
    expect(card).not_to_be_in_viewport()
    page.get_by_test_id("device-row").first.get_by_role("button").click()
    expect(card.locator("h3").first).to_be_in_viewport()


def test_a_device_that_is_heard_again_is_not_said_to_be_silent(desk: Desk, supervisor: str) -> None:
    now = datetime.now(UTC)

    def worrying(id: str, heard: timedelta) -> dict[str, object]:
        detail = {"alert": f"alert-{id}", "since_at": (now - timedelta(minutes=14)).isoformat()}
        device = {"id": id, "kind": "phone", "nurse": id, "state": "online", "revoked": False}
        return {
            "device": device | {"last_heard_at": (now - heard).isoformat()},
            "worries": [{"reason": "silent", "urgency": "high", "detail": detail}],
        }

    board = [worrying("back", timedelta(minutes=2)), worrying("gone", timedelta(minutes=40))]
    desk.page.route("**/devices/board?*", lambda route: route.fulfill(json={"items": board, "next": None}))
    desk.log_in(supervisor, PASSWORD)
    desk.page.get_by_test_id("view-devices").click()
    back, gone = (desk.page.get_by_test_id("worry").filter(has_text=name) for name in ("back", "gone"))
    expect(gone).to_contain_text("silent for 14 min")
    expect(back).to_contain_text("was silent, last heard 2 min")
    expect(back).to_contain_text("its alert is still open")
    desk.page.get_by_test_id("lang-switch").get_by_text("中文").click()
    expect(back).to_contain_text("报警尚未结束")


def test_a_device_is_not_said_to_be_there_when_it_has_gone_without_a_word(
    desk: Desk, supervisor: str
) -> None:
    """What each state of it looks like, minutes after it was heard; an alert was raised 14 minutes ago."""
    desk.log_in(supervisor, PASSWORD)
    script = """async ([kind, state, heardMin, allowed_s]) => {
        const { state: page } = await import("/static/js/store.js");
        const { presenceNode } = await import("/static/js/presence.js");
        const { worryText } = await import("/static/js/devices/words.js");
        const ago = (min) => new Date(Date.now() - min * 60_000).toISOString();
        const device = { id: "dev", kind, state, last_heard_at: ago(heardMin), revoked: false };
        const alert = { id: "a", kind: "device_silent", device: "dev", state: "raised", raised_at: ago(14) };
        page.alerts = new Map(allowed_s ? [["a", { ...alert, why: { allowed_s } }]] : []);
        const detail = { alert: "a", since_at: alert.raised_at };
        const node = presenceNode(device);
        const worry = worryText({ reason: "silent", detail }, device);
        return [node.textContent, node.className.split(" ")[1], worry.split(/ \\d/)[0]];
    }"""
    said = [
        desk.page.evaluate(script, case)
        for case in (
            ("phone", "online", 1, None),
            ("phone", "online", 15, None),
            ("button", "online", 15, None),
            ("phone", "online", 15, 180),
            ("phone", "online", 13, 180),
            ("phone", "online", 2, 180),
            ("phone", "offline", 13, 180),
        )
    ]
    assert [(text, state) for text, state, _ in said] == [
        ("online", "online"),
        ("not heard lately", "quiet"),
        ("online", "online"),
        ("silent", "silent"),
        ("silent", "silent"),
        ("online", "online"),
        ("offline", "offline"),
    ]
    assert [worry for *_, worry in said[3:6]] == [
        "silent for",
        "silent again for",
        "was silent, last heard",
    ]

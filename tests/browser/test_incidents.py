"""Several alerts of one nurse at the desk: one card, one acknowledgement; and every reason in words."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import expect

from tests.browser.cast import PASSWORD, House
from tests.browser.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.integration]

FIX: Final = {"lat": 31.2242, "lon": 121.4602, "accuracy_m": 12}
AT_MS: Final = 1_795_352_400_000


def test_an_incident_is_one_card_and_is_taken_and_closed_as_one(desk: Desk, house: House) -> None:
    nurse = house.nurse("归并")
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.alarm(fix=FIX)
    card = desk.cards_of(nurse.name)
    card.wait_for()
    nurse.device.alarm(kind="fall", fix=FIX)
    more = card.get_by_test_id("card-more")
    expect(more).to_have_text("+1: Fall")
    expect(card).to_have_count(1)
    expect(card).to_have_attribute("data-kind", "panic")

    card.click()
    expect(desk.timeline).to_contain_text("New evidence")
    expect(desk.timeline).to_contain_text("Fall · Critical")
    other = desk.page.get_by_test_id("incident-alert")
    expect(other).to_contain_text("not paged again")
    other.get_by_role("button", name="Fall").click()
    expect(desk.timeline).to_contain_text("Nobody is paged again")
    expect(card.locator("[aria-current=true]")).to_have_count(1)
    desk.page.get_by_test_id("lang-switch").get_by_text("中文").click()
    expect(more).to_have_text("+1：跌倒")
    expect(desk.timeline).to_contain_text("不再重复呼叫")
    other.get_by_role("button", name="一键报警").click()
    desk.page.get_by_test_id("lang-switch").get_by_text("English").click()

    desk.button("acknowledge").click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    expect(other).to_have_attribute("data-state", "acknowledged")

    whole = desk.page.get_by_test_id("resolve-incident")
    expect(whole).not_to_be_checked()
    whole.check()
    desk.page.get_by_test_id("resolve-reason").select_option("assisted")
    desk.button("resolve").click()
    expect(desk.page.get_by_test_id("detail-state")).to_have_attribute("data-state", "resolved")
    expect(other).to_have_attribute("data-state", "resolved")
    expect(card).to_have_count(0)


def test_closing_the_lead_alone_brings_the_other_to_the_front(desk: Desk, house: House) -> None:
    nurse = house.nurse("其余")
    desk.log_in(house.dispatcher, PASSWORD)
    nurse.device.alarm(fix=FIX)
    card = desk.cards_of(nurse.name)
    card.wait_for()
    nurse.device.alarm(kind="fall", fix=FIX)
    expect(card.get_by_test_id("card-more")).to_have_text("+1: Fall")
    card.click()
    desk.page.get_by_test_id("resolve-reason").select_option("false_alarm")
    desk.button("resolve").click()
    expect(card).to_have_attribute("data-kind", "fall")
    expect(card).to_have_attribute("data-state", "raised")
    expect(card.get_by_test_id("card-more")).to_be_empty()


def alert(id: str, **fields: Any) -> dict[str, Any]:
    given = {"id": id, "incident": "one", "kind": "fall", "state": "raised", "severity": "critical"}
    return given | {"held_by": None, "raised_at": "2026-01-01T00:00:00Z"} | fields


def leads(desk: Desk, *alerts: dict[str, Any]) -> Any:
    desk.open()
    script = """async (alerts) => {
        const { mustSound, queueGroups } = await import("/static/js/select.js");
        const state = { alerts: new Map(alerts.map((a) => [a.id, a])), filter: "open" };
        const { waiting, working } = queueGroups(state);
        return [waiting.map((a) => a.id), working.map((a) => a.id), mustSound(state)];
    }"""
    return desk.page.evaluate(script, list(alerts))


def test_a_held_alert_neither_waits_nor_sounds_while_somebody_sees_to_its_lead(desk: Desk) -> None:
    taken = alert("panic", kind="panic", state="acknowledged")
    assert leads(desk, taken, alert("held", held_by="panic")) == [[], ["panic"], False]


def test_an_alert_that_pages_leads_before_one_that_is_taken(desk: Desk) -> None:
    taken = alert("panic", kind="panic", state="acknowledged")
    assert leads(desk, taken, alert("fall", severity="high")) == [["fall"], [], False]


def test_an_alert_held_by_one_that_is_closed_or_unknown_waits_and_sounds(desk: Desk) -> None:
    closed = alert("panic", kind="panic", state="resolved")
    assert leads(desk, closed, alert("held", held_by="panic")) == [["held"], [], True]
    assert leads(desk, alert("held", held_by="unheard of")) == [["held"], [], True]


def test_a_panic_leads_before_an_older_fall(desk: Desk) -> None:
    panic = alert("panic", kind="panic", raised_at="2026-01-01T00:05:00Z")
    assert leads(desk, alert("fall"), panic)[0] == ["panic"]


REASONS: Final = [
    ({"rule": "panic", "said_by": "dev_1"}, "The alarm button was pressed.", "按下了报警键。"),
    (
        {
            "rule": "missed_check_in",
            "every_s": 1800.0,
            "grace_s": 300.0,
            "last_sign_ms": AT_MS,
            "risk": "high",
        },
        "One is due every 30 min, with 5 min grace. risk: high",
        "应每 30 分钟一次，宽限 5 分钟。 风险：高",
    ),
    (
        {"rule": "battery_low", "how": "low", "battery_pct": 11.6, "low_pct": 15.0, "empty_in_s": None},
        "Battery at 12 %; low is 15 %.",
        "电量 12%，低于 15% 即为低电量。",
    ),
    (
        {"rule": "device_silent", "how": "no_reports", "last_heard_ms": None, "after_s": 600.0},
        "No report for 10 min. Last heard at unknown.",
        "10 分钟没有任何消息，最后一次在 未知。",
    ),
    (
        {"rule": "overdue_visit", "how": "not_arrived", "planned_ms": AT_MS, "grace_s": 600, "after_s": 900},
        "(grace 10 min).",
        "（宽限 10 分钟）。",
    ),
    (
        {"rule": "fence_exit", "beyond_edge_m": 1234.5, "first_lat": 31.2, "first_lon": 121.4},
        "first fix: 31.20000, 121.40000 beyond the edge: 1.2 km",
        "首个定位点：31.20000, 121.40000 越界距离：1.2 公里",
    ),
    (
        {"rule": "unheard_of", "how": "somehow", "top_speed_mps": 2.345, "noisy": True, "tries": 3},
        "how: somehow top speed: 2.35 m/s noisy: yes tries: 3",
        "方式：somehow top speed：2.35 米/秒 noisy：是 tries：3",
    ),
]


@pytest.mark.parametrize(("why", "english", "chinese"), REASONS)
def test_every_reason_is_told_in_words(desk: Desk, why: dict[str, Any], english: str, chinese: str) -> None:
    desk.open()
    script = """async (why) => {
        const { setLang } = await import("/static/js/i18n.js");
        const { whyWords } = await import("/static/js/words.js");
        return ["en", "zh"].map((lang) => { setLang(lang); return whyWords(why).join(" "); });
    }"""
    told = desk.page.evaluate(script, why)
    assert english in told[0]
    assert chinese in told[1]
    assert not any(mark in text for text in told for mark in ("{", "null", "undefined", "_"))


def test_what_cannot_be_taken_back_is_not_said_to_be_for_no_time(desk: Desk) -> None:
    desk.open()
    script = """async (window_s) => {
        const { whyWords } = await import("/static/js/words.js");
        return whyWords({ rule: "panic", said_by: "dev_1", cancel_window_s: window_s });
    }"""
    assert desk.page.evaluate(script, 0) == ["The alarm button was pressed."]
    assert desk.page.evaluate(script, 30)[1:] == ["can be taken back for: 30 s"]

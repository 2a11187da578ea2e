"""The page's own modules, run where they run: datums, order of the queue, what a crowd on the map costs."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import expect

from devices.datum import from_wgs84, to_wgs84
from devices.reports import Datum
from tests.browser.cast import PASSWORD, House
from tests.browser.desk import Desk

pytestmark = [pytest.mark.browser, pytest.mark.integration]

PLACES: Final = [
    (31.2304, 121.4737),  # Shanghai
    (39.9042, 116.4074),  # Beijing
    (22.5431, 114.0579),  # Shenzhen
    (43.8256, 87.6168),  # Urumqi
    (51.4779, -0.0015),  # Greenwich: outside, never shifted to GCJ-02
]
# A nanodegree is a tenth of a millimetre.
SAME_DEG: Final = 1e-9


@pytest.fixture
def page_of(desk: Desk) -> Desk:
    """The page, loaded, nobody logged in."""
    desk.open()
    expect(desk.page.get_by_test_id("login-form")).to_be_visible()
    return desk


@pytest.mark.parametrize("datum", ["wgs84", "gcj02", "bd09"])
def test_the_page_and_the_codecs_convert_alike(page_of: Desk, datum: Datum) -> None:
    script = """async ([places, datum]) => {
        const { fromWgs84, toWgs84 } = await import("/static/js/datum.js");
        return places.map(([lat, lon]) => [fromWgs84(lat, lon, datum), toWgs84(lat, lon, datum)]);
    }"""
    converted = page_of.page.evaluate(script, [PLACES, datum])
    for place, (shown, true) in zip(PLACES, converted, strict=True):
        assert shown == pytest.approx(from_wgs84(*place, datum), abs=SAME_DEG)
        assert true == pytest.approx(to_wgs84(*place, datum), abs=SAME_DEG)


def test_a_map_with_shifted_tiles_is_still_spoken_to_in_wgs84(page_of: Desk) -> None:
    script = """async (places) => {
        const { crsOf } = await import("/static/js/datum.js");
        const L = await import("/static/leaflet/leaflet-src.esm.js");
        const [plain, shifted] = [crsOf("wgs84"), crsOf("gcj02")];
        return places.map(([lat, lon]) => {
            const point = shifted.latLngToPoint(L.latLng(lat, lon), 17);
            const back = shifted.pointToLatLng(point, 17);
            return [[back.lat, back.lng], point.distanceTo(plain.latLngToPoint(L.latLng(lat, lon), 17))];
        });
    }"""
    for place, (back, moved_px) in zip(PLACES, page_of.page.evaluate(script, PLACES), strict=True):
        assert back == pytest.approx(place, abs=1e-7)
        assert (moved_px > 100) == (place[1] > 0)  # a pixel is a metre here


def alert(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "state": "raised", "severity": "high", "raised_at": "2026-01-01T00:00:00Z", **fields}


def test_the_queue_puts_the_waiting_first_then_the_worst_then_the_oldest(page_of: Desk) -> None:
    alerts = [
        alert("taken-critical", state="acknowledged", severity="critical"),
        alert("young-high", raised_at="2026-01-01T00:05:00Z"),
        alert("old-high"),
        alert("test-critical", severity="critical", test=True, raised_at="2025-12-31T00:00:00Z"),
        alert("critical", severity="critical", raised_at="2026-01-01T00:09:00Z"),
        alert("unheard-of", severity="apocalyptic", raised_at="2026-01-01T00:10:00Z"),
        alert("closed", state="resolved", severity="critical"),
    ]
    script = """async (alerts) => {
        const { queueOrder } = await import("/static/js/select.js");
        return queueOrder({ alerts: new Map(alerts.map((a) => [a.id, a])), filter: "open" });
    }"""
    assert page_of.page.evaluate(script, alerts) == [
        "critical",
        "unheard-of",
        "test-critical",
        "old-high",
        "young-high",
        "taken-critical",
    ]


def test_an_older_version_never_replaces_a_newer_one(page_of: Desk) -> None:
    script = """async () => {
        const { putAlerts, state } = await import("/static/js/store.js");
        const one = { id: "a", severity: "high", state: "acknowledged", raised_at: "2026-01-01T00:00:00Z" };
        putAlerts([{ ...one, version: 3 }]);
        putAlerts([{ ...one, version: 2, state: "raised" }]);
        return [state.alerts.get("a").version, state.alerts.get("a").state];
    }"""
    assert page_of.page.evaluate(script) == [3, "acknowledged"]


def test_five_thousand_moving_nurses_leave_the_page_free(desk: Desk, house: House) -> None:
    desk.log_in(house.dispatcher, PASSWORD)
    script = """async () => {
        const { merge } = await import("/static/js/store.js");
        const crowd = Array.from({ length: 5000 }, (_, i) => ({
            nurse: `nur_${i}`, nurse_name: `护士${i}`, accuracy_m: 12, time: new Date().toISOString(),
            lat: 31.2 + (i % 71) / 1500, lon: 121.4 + ((i * 7) % 97) / 1200,
        }));
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const busy = [];
        for (let round = 0; round < 6; round += 1) {
            for (const one of crowd) one.lat += 0.00002;
            const before = performance.now();
            merge("positions", crowd.map((one) => ({ ...one })), "nurse");
            await frame();
            await frame();
            busy.push(performance.now() - before);
        }
        return busy.sort((a, b) => a - b)[2];
    }"""
    busy_ms = desk.page.evaluate(script)
    # One such change comes each second (30 to 50 ms when measured alone); a slow machine keeps half of it.
    assert busy_ms < 500

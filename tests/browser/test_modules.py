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
    (51.4779, -0.0015),  # Greenwich: outside, never shifted
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


def test_fences_are_drawn_as_wide_as_they_are(page_of: Desk) -> None:
    """On a canvas where a metre is a pixel: which places are coloured."""
    square = [[10, -10], [90, -10], [90, -90], [10, -90], [10, -10]]
    hole = [[40, -40], [60, -40], [60, -60], [40, -60], [40, -40]]
    bent = {"type": "LineString", "coordinates": [[120, -100], [200, -100], [200, -180]]}
    fences = [
        {"id": "area", "mode": "keep_out", "geometry": {"type": "Polygon", "coordinates": [square, hole]}},
        {"id": "way", "mode": "keep_out", "geometry": bent, "width_m": 40},
        {"id": "own", "mode": "keep_out", "geometry": _point(50, -250), "radius_m": 30, "visit": "vis_1"},
        {"id": "other", "mode": "keep_out", "geometry": _point(150, -250), "radius_m": 30, "visit": "vis_2"},
        {"id": "far", "mode": "keep_out", "geometry": _point(9_000, 0), "radius_m": 30},
    ]
    script = """async ([fences, places]) => {
        const { drawFences } = await import("/static/js/draw_fences.js");
        const ctx = new OffscreenCanvas(300, 300).getContext("2d");
        const bounds = { getWest: () => 0, getEast: () => 300, getNorth: () => 0, getSouth: () => -300 };
        const frame = { bounds, xy: (lat, lon) => [lon, -lat], pixelsPerMetre: () => 1 };
        const style = { keepOut: "red", keepOutFill: "red", fence: "blue" };
        drawFences(ctx, frame, fences, style, { shown: new Set(["vis_1"]), chosen: "way" });
        const { data } = ctx.getImageData(0, 0, 300, 300);
        return places.map(([x, y]) => data[4 * (300 * y + x) + 3] > 0);
    }"""
    places = {
        (25, 25): True,  # in the area
        (50, 50): False,  # in its hole
        (160, 100): True,  # on the line
        (160, 84): True,  # 16 m beside it
        (160, 116): True,
        (160, 75): False,  # 25 m beside it
        (160, 125): False,
        (105, 100): True,  # 15 m before its beginning
        (95, 100): False,
        (212, 90): True,  # around the bend
        (200, 195): True,
        (200, 205): False,
        (50, 250): True,  # the visit that is shown
        (150, 250): False,  # another one's
    }
    assert page_of.page.evaluate(script, [fences, list(places)]) == list(places.values())


def test_a_nurse_under_her_alert_is_named_once(page_of: Desk) -> None:
    """Which of the alert's states leave her own name beside her point."""
    script = """async (alerts) => {
        const { drawPeople } = await import("/static/js/draw_people.js");
        const { namedMarkers } = await import("/static/js/alert_markers.js");
        const { state } = await import("/static/js/store.js");
        const frame = { zoom: 14, bounds: { contains: () => true }, xy: () => [50, 50] };
        const style = { font: "12px sans-serif", name: "red", halo: "red" };
        const position = { lat: 31, lon: 121 };
        const her = { ...position, nurse: "n", nurse_name: "Anna", time: "2026-01-01T08:00:00Z" };
        return alerts.map((alert) => {
            const ctx = new OffscreenCanvas(300, 100).getContext("2d");
            const hers = { id: "a", position, nurse_name: "Anna", state: alert };
            state.alerts = new Map(alert ? [["a", hers]] : []);
            drawPeople(ctx, frame, [her], null, style, namedMarkers(ctx, frame, style));
            return ctx.getImageData(60, 40, 60, 20).data.some(Boolean);
        });
    }"""
    named = page_of.page.evaluate(script, [None, "raised", "acknowledged", "resolved"])
    assert named == [True, False, True, True]


def _point(lon: float, lat: float) -> dict[str, Any]:
    return {"type": "Point", "coordinates": [lon, lat]}


def test_an_alert_names_the_area_it_is_about(page_of: Desk) -> None:
    script = """async (fences) => {
        const { whyWords } = await import("/static/js/words.js");
        const { putAll } = await import("/static/js/store.js");
        putAll("fences", [{ id: "fen_1", name: "Canal path" }]);
        return fences.map((fence) => whyWords({ rule: "fence_enter", fence }));
    }"""
    words = page_of.page.evaluate(script, ["fen_1", "vis_1", "org_1/stay_in", "fen_9"])
    assert words == [
        [f"area: {name}"]
        for name in (
            "Canal path",
            "the place of the visit",
            "the organisation's area",
            "an area that was taken away",
        )
    ]


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


def test_an_older_position_never_replaces_a_newer_one(page_of: Desk) -> None:
    script = """async () => {
        const { putPositions, state } = await import("/static/js/store.js");
        const seen = (time, lat) => ({ nurse: "n", time, lat });
        putPositions([seen("2026-01-01T08:00:00Z", 1)]);
        putPositions([seen("2026-01-01T08:00:20Z", 2)]);
        putPositions([seen("2026-01-01T08:00:10Z", 3)]);
        return state.positions.get("n").lat;
    }"""
    assert page_of.page.evaluate(script) == 2


def test_five_thousand_moving_nurses_leave_the_page_free(desk: Desk, house: House) -> None:
    desk.log_in(house.dispatcher, PASSWORD)
    script = """async () => {
        const { putPositions } = await import("/static/js/store.js");
        const crowd = Array.from({ length: 5000 }, (_, i) => ({
            nurse: `nur_${i}`, nurse_name: `护士${i}`, accuracy_m: 12, time: new Date().toISOString(),
            lat: 31.2 + (i % 71) / 1500, lon: 121.4 + ((i * 7) % 97) / 1200,
        }));
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const busy = [];
        for (let round = 0; round < 8; round += 1) {
            for (const one of crowd) one.lat += 0.00002;
            const before = performance.now();
            putPositions(crowd.map((one) => ({ ...one })));
            await frame();
            await frame();
            busy.push(performance.now() - before);
        }
        return Math.min(...busy);
    }"""
    busy_ms = desk.page.evaluate(script)
    # One such change comes each second (30 to 50 ms when measured alone); a slow machine keeps half of it.
    # The quickest round: the others may have waited for whatever else runs here.
    assert busy_ms < 500


def test_what_a_snapshot_had_no_room_for_is_taken_over(page_of: Desk) -> None:
    script = """async () => {
        const { state } = await import("/static/js/store.js");
        const { startFeed, stopFeed } = await import("/static/js/feed.js");
        window.fetch = async () => new Response(JSON.stringify({ items: [], next: null }));
        let socket;
        window.WebSocket = function () { socket = this; this.close = () => {}; };
        startFeed();
        for (const frame of [
            { type: "snapshot", cursor: "1", positions: [{ nurse: "a" }], devices: [{ id: "x" }] },
            { type: "position", positions: [{ nurse: "b" }, { nurse: "c" }] },
            { type: "device", devices: [{ id: "y" }, { id: "z" }] },
            { type: "device", device: { id: "z", state: "offline" } },
        ]) socket.onmessage({ data: JSON.stringify(frame) });
        stopFeed();
        return [[...state.positions.keys()], [...state.devices.keys()], state.devices.get("z").state];
    }"""
    assert page_of.page.evaluate(script) == [["a", "b", "c"], ["x", "y", "z"], "offline"]


def test_of_all_visits_only_those_that_are_on_and_those_of_open_alerts_are_read(page_of: Desk) -> None:
    script = """async () => {
        const { state } = await import("/static/js/store.js");
        const { refreshMaster } = await import("/static/js/feed.js");
        const asked = [];
        const on = { items: [{ id: "vis_on" }], next: null };
        const answers = { "/visits": on, "/visits/vis_old": { id: "vis_old" } };
        const real = window.fetch;
        window.fetch = async (url) => {
            const { pathname, searchParams } = new URL(url, location.href);
            const path = pathname.replace("/api/v1", "");
            const [from, to] = ["from", "to"].map((name) => Date.parse(searchParams.get(name)));
            asked.push([path, to - from || null]);
            return new Response(JSON.stringify(answers[path] ?? { items: [], next: null }));
        };
        state.me = { role: "dispatcher" };
        state.alerts.set("open", { id: "open", state: "raised", visit: "vis_old" });
        state.alerts.set("closed", { id: "closed", state: "resolved", visit: "vis_older" });
        try {
            await refreshMaster();
            const once = asked.length;
            await refreshMaster();
            const visits = asked.filter(([path]) => path.startsWith("/visits"));
            return { visits, again: asked.length - once, known: [...state.visits.keys()].sort() };
        } finally {
            window.fetch = real;
            state.me = null;
            state.alerts.clear();
        }
    }"""
    found = page_of.page.evaluate(script)
    within_ms = 600_000
    assert found["visits"] == [["/visits", within_ms], ["/visits/vis_old", None], ["/visits", within_ms]]
    assert found["again"] == 4  # nurses, fences, responders, visits: what is known is not asked for again
    assert found["known"] == ["vis_old", "vis_on"]

"""How the page is served: headers, caching, Leaflet out of its package, and tables that agree."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from safety.console import STATIC_DIR, mount_console
from safety.console.static_files import leaflet_dir, security_headers


def client(tile_origin: str | None = None, ground: Path | None = None) -> httpx.AsyncClient:
    app = FastAPI()
    mount_console(app, tile_origin, ground)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


async def test_the_page_trusts_only_its_own_host() -> None:
    async with client() as http:
        answer = await http.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_tiles_may_come_from_the_configured_host_and_no_other() -> None:
    async with client("https://tiles.example.org") as http:
        answer = await http.get("/")
    assert "img-src 'self' data: https://tiles.example.org;" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "origin", ["https://a.example; script-src *", "javascript:", "a b", "https://x/path"]
)
def test_a_tile_origin_cannot_smuggle_in_a_directive(origin: str) -> None:
    with pytest.raises(ValueError, match="tile origin"):
        security_headers(origin)


@pytest.mark.parametrize("path", ["/", "/static/js/main.js", "/static/leaflet/leaflet-src.esm.js"])
async def test_everything_is_revalidated_and_nothing_sent_twice(path: str) -> None:
    async with client() as http:
        first = await http.get(path)
        again = await http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-cache"
    assert "content-security-policy" in first.headers
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_knows_whether_a_cookie_came_but_not_what_is_in_it() -> None:
    async with client() as http:
        without = await http.get("/")
        http.cookies.set("vigil_session", "secret-token")
        with_one = await http.get("/")
    assert 'data-session="none"' in without.text
    assert 'data-session="maybe"' in with_one.text
    assert "secret-token" not in with_one.text
    assert without.headers["etag"] != with_one.headers["etag"]
    assert with_one.headers["vary"] == "Cookie"


async def test_nothing_outside_the_page_is_served() -> None:
    async with client() as http:
        for path in (
            "/static/../static_files.py",
            "/static/%2e%2e/static_files.py",
            "/static/",
            "/static/leaflet/",
        ):
            assert (await http.get(path)).status_code == 404


def test_leaflet_is_found_without_importing_its_package() -> None:
    assert (leaflet_dir() / "leaflet.css").is_file()
    assert "js_lib_leaflet" not in sys.modules
    assert "django" not in sys.modules


def test_no_data_ever_becomes_markup() -> None:
    for module in STATIC_DIR.glob("js/**/*.js"):
        source = module.read_text(encoding="utf-8")
        sinks = re.findall(r"\.(?:inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\beval\(", source)
        assert sinks == [], module.name


def test_the_page_loads_every_style_sheet_and_nothing_foreign() -> None:
    html = (STATIC_DIR / "index.html").read_text(encoding="utf-8")
    assert {file.name for file in STATIC_DIR.glob("css/*.css")} == set(
        re.findall(r"/static/css/([\w.]+)", html)
    )
    for file in [STATIC_DIR / "index.html", *STATIC_DIR.rglob("*.js"), *STATIC_DIR.rglob("*.css")]:
        addresses = set(re.findall(r"https?://[^\s\"'`)]+", file.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org/2000/svg"}, file.name


def test_both_tables_have_the_same_keys_and_parameters() -> None:
    tables = {name: _table(name) for name in ("zh", "en")}
    assert tables["zh"].keys() == tables["en"].keys()
    for key, chinese in tables["zh"].items():
        assert _parameters(chinese) == _parameters(tables["en"][key]), key


def test_every_key_the_page_names_is_in_the_tables() -> None:
    known = _table("en").keys()
    for file in [STATIC_DIR / "index.html", *STATIC_DIR.glob("js/**/*.js")]:
        source = file.read_text(encoding="utf-8")
        named = re.findall(r'data-i18n(?:-label|-title)?="([^"]+)"', source)
        named += re.findall(r'\bt\(\s*"([^"]+)"', source)
        assert set(named) <= known, file.name


def _table(name: str) -> dict[str, str]:
    files = [STATIC_DIR / "js" / "i18n" / f"{name}{part}.js" for part in ("", "_devices", "_why", "_tell")]
    source = "\n".join(file.read_text(encoding="utf-8") for file in files)
    entries = re.findall(r'^  "([^"]+)": "((?:[^"\\]|\\.)*)",$', source, re.MULTILINE)
    assert len(entries) == len(dict(entries)) == len(re.findall(r"^  \S", source, re.MULTILINE))
    return dict(entries)


def _parameters(template: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", template))

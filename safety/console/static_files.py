"""Serving the page: ``/``, ``/static/…``, Leaflet from its package, and the headers that fence them in."""

import hashlib
import importlib.util
import re
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC_DIR: Path = Path(__file__).parent / "static"
LEAFLET_PACKAGE = "js_lib_leaflet"
SESSION_COOKIE = "vigil_session"

_ORIGIN = re.compile(r"https?://(\*\.)?[A-Za-z0-9.-]+(:\d{1,5})?")
_SESSION_MARK = 'data-session="none"'
GROUND = "ground.geojson"
"""The name of the map's ground in the data directory."""
_GROUND_MARK = 'data-ground="none"'


class LeafletMissingError(RuntimeError):
    """The package that carries Leaflet is not installed; the page would have no map."""


def leaflet_dir() -> Path:
    """Return the directory that holds ``leaflet-src.esm.js``, found without importing the package.

    Raises ``LeafletMissingError`` when django-js-lib-leaflet is not installed.
    """
    spec = importlib.util.find_spec(LEAFLET_PACKAGE)
    for root in (spec.submodule_search_locations or []) if spec else []:
        candidate = Path(root) / "static" / LEAFLET_PACKAGE
        if (candidate / "leaflet-src.esm.js").is_file():
            return candidate
    raise LeafletMissingError("leaflet not found: install django-js-lib-leaflet")


def security_headers(tile_origin: str | None = None) -> dict[str, str]:
    """Return the headers of every page answer.

    ``tile_origin`` is the one foreign host pictures may come from, as ``https://host[:port]`` (a leading
    ``*.`` label is allowed for tile servers that spread over subdomains). Raises ``ValueError`` for anything
    else, so that a configured address can never smuggle a second directive into the policy.
    """
    if tile_origin is not None and not _ORIGIN.fullmatch(tile_origin):
        raise ValueError(f"tile origin {tile_origin!r} is not of the form https://host[:port]")
    images = " ".join(["'self'", "data:", *([tile_origin] if tile_origin else [])])
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": images,
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }


class _PageFiles(StaticFiles):
    """Static files that are always revalidated (ETag) and carry the page's headers.

    ``no-cache`` rather than a long life: after an upgrade no browser may run half of the old page.
    """

    def __init__(self, directory: Path, headers: dict[str, str]) -> None:
        super().__init__(directory=directory)
        self._headers = {**headers, "Cache-Control": "no-cache"}

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        return response


def mount_console(app: FastAPI, tile_origin: str | None = None, ground: Path | None = None) -> None:
    """Serve the page on ``app``: ``/``, its files under ``/static/``, Leaflet under ``/static/leaflet/``.

    ``tile_origin``: origin of the configured map tiles, or None for a page that talks to its own host only.
    ``ground``: a GeoJSON file (WGS-84) with water and streets to draw without any tiles, served as
    ``/ground.geojson`` while it exists; it may appear later. See ``static/js/draw_streets.js`` for its kinds.
    Raises ``LeafletMissingError`` and ``ValueError`` (see ``security_headers``).
    """
    headers = security_headers(tile_origin)
    source = (STATIC_DIR / "index.html").read_text(encoding="utf-8")
    pages = {
        (session, drawn): _page(_marked(source, session=session, drawn=drawn))
        for session in (False, True)
        for drawn in (False, True)
    }

    @app.get("/", include_in_schema=False)
    def index(request: Request) -> Response:
        # The page learns whether a session cookie exists (it cannot read the HttpOnly cookie itself), so a
        # first visit shows the login at once instead of asking the API for a certain 401.
        drawn = ground is not None and ground.is_file()
        body, etag = pages[SESSION_COOKIE in request.cookies, drawn]
        cache = {"Cache-Control": "no-cache", "Vary": "Cookie", "ETag": etag}
        if etag in (tag.strip() for tag in request.headers.get("if-none-match", "").split(",")):
            return Response(status_code=304, headers={**headers, **cache})
        return HTMLResponse(body, headers={**headers, **cache})

    if ground is not None:
        _serve_ground(app, ground, headers)
    app.mount("/static/leaflet", _PageFiles(leaflet_dir(), headers), name="leaflet")
    app.mount("/static", _PageFiles(STATIC_DIR, headers), name="console")


def _serve_ground(app: FastAPI, ground: Path, headers: dict[str, str]) -> None:
    files = _PageFiles(ground.parent, headers)

    @app.get("/ground.geojson", include_in_schema=False)
    async def ground_file(request: Request) -> Response:
        return await files.get_response(ground.name, request.scope)


def _marked(html: str, *, session: bool, drawn: bool) -> str:
    if session:
        html = html.replace(_SESSION_MARK, 'data-session="maybe"', 1)
    return html.replace(_GROUND_MARK, 'data-ground="geojson"', 1) if drawn else html


def _page(html: str) -> tuple[str, str]:
    return html, f'"{hashlib.sha256(html.encode()).hexdigest()[:32]}"'

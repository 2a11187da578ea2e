"""Methods: HEAD is answered as GET is, and a method that is not there is told which ones are."""

from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from devices.clock import ManualClock
from safety.api.context import AllWell
from safety.api.outpost import create_outpost
from tests.support.calls import calls
from tests.support.dispatch import Dispatch

OPEN = ("/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/api/v1/openapi.json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/v1/nurses", "GET, HEAD, POST"),
        ("PUT", "/api/v1/fences/{fence}", "GET, HEAD, PATCH, DELETE"),
        ("DELETE", "/api/v1/alerts", "GET, HEAD"),
        ("HEAD", "/api/v1/session", "POST, DELETE"),
        ("GET", "/api/v1/alerts/{alert}/note", "POST"),
        # To the others it is a device of that name.
        ("PUT", "/api/v1/devices/import", "GET, HEAD, POST, PATCH"),
        ("BREW", "/healthz", "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("POST", "/static/index.html", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_there_is_told_which_ones_are(
    dispatch: Dispatch, method: str, path: str, allowed: str
) -> None:
    named = path.format(fence=dispatch.ours.fence, alert=dispatch.ours.alert)
    async with dispatch.client(dispatch.ours, "admin") as client:
        answer = await client.request(method, named)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_head_is_answered_wherever_get_is(dispatch: Dispatch) -> None:
    reading = [call.path for call in calls(dispatch, dispatch.ours) if call.method == "get"]
    async with dispatch.client(dispatch.ours, "admin") as client:
        for path in [*OPEN, *reading]:
            shown, asked = await client.get(path), await client.head(path)
            assert (asked.status_code, asked.content) == (shown.status_code, b""), path
            assert asked.headers["content-type"] == shown.headers["content-type"], path
            assert int(asked.headers["content-length"]) > 0, path
        assert (await client.head("/api/v1/alerts/unknown")).status_code == 404
    async with dispatch.client() as nobody:
        assert (await nobody.head("/api/v1/alerts")).status_code == 401


async def test_the_body_of_an_answer_to_head_never_leaves(dispatch: Dispatch) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "HEAD", "path": "/healthz", "headers": [], "query_string": b""}
    await dispatch.app(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b""
    assert scope["method"] == "HEAD", "the server goes by it"


async def test_the_figures_tell_head_from_get_and_name_its_route(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        await client.head(f"/api/v1/alerts/{dispatch.ours.alert}")
        figures = (await client.get("/metrics")).text
    label = 'method="HEAD",route="/api/v1/alerts/{alert}",status="200"'
    assert f"vigil_http_request_seconds_count{{{label}}} 1.0" in figures
    assert 'method="GET",route="/api/v1/alerts/{alert}"' not in figures


def test_the_document_tells_of_no_head(dispatch: Dispatch) -> None:
    methods = {method for path in dispatch.app.openapi()["paths"].values() for method in path}
    assert methods == {"get", "post", "patch", "delete"}


async def test_a_process_without_a_console_answers_head_too() -> None:
    app = create_outpost(AllWell("log"), CollectorRegistry(), ManualClock())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://vigil.test") as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            answer = await client.head(path)
            assert answer.status_code == 200
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
        refused = await client.post("/healthz")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")

"""Errors: every one is a problem document, and none tells more than it should."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from safety.api.context import Context
from safety.api.limits import MAX_BODY_BYTES
from safety.store.tables import alerts, metadata
from tests.support.calls import calls
from tests.support.dispatch import Dispatch


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/alerts/unknown", 404),
        ("DELETE", "/api/v1/alerts", 405),
        ("PUT", "/api/v1/nurses", 405),
        ("POST", "/api/v1/alerts/x/explode", 404),
    ],
)
async def test_what_is_not_there_is_a_problem_document(
    dispatch: Dispatch, method: str, path: str, status: int
) -> None:
    async with dispatch.client(dispatch.ours) as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["detail"] == problem["detail"].lower()
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b'"x"', b"\xff", b'{"version": NaN}', b"null"])
async def test_a_body_that_is_none_is_a_422(dispatch: Dispatch, content: bytes) -> None:
    path = f"/api/v1/alerts/{dispatch.ours.alert}/acknowledge"
    headers = {"Content-Type": "application/json"}
    async with dispatch.client(dispatch.ours) as client:
        answer = await client.post(path, content=content, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_large_body_is_refused_by_its_length_and_by_its_size(dispatch: Dispatch) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (b"x" * 100_000 for _ in range(MAX_BODY_BYTES // 100_000 + 1))

    async def streamed() -> "AsyncPieces":
        return AsyncPieces(pieces())

    async with dispatch.client(dispatch.ours) as client:
        declared = await client.post("/api/v1/session", content=b"x" * (MAX_BODY_BYTES + 1))
        sent = await client.post("/api/v1/session", content=await streamed())
    for answer in (declared, sent):
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"


class AsyncPieces:
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> "AsyncPieces":
        return self

    async def __anext__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            raise StopAsyncIteration from None


async def test_a_fault_of_ours_says_nothing_of_the_inside(dispatch: Dispatch) -> None:
    with dispatch.database.writing() as connection:
        # A row that no code of ours writes.
        connection.execute(alerts.update().values(position={"no": "latitude"}))
    async with dispatch.client(dispatch.ours) as client:
        answer = await client.get("/api/v1/alerts")
    assert answer.status_code == 500
    assert answer.json() == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "detail": "something failed here: it is in the log",
    }


async def test_a_store_that_cannot_be_used_is_a_503_to_be_tried_again(in_a_file: Dispatch) -> None:
    async with in_a_file.client(in_a_file.ours) as client:
        metadata.drop_all(in_a_file.database.engine)
        answer = await client.get("/api/v1/alerts")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"


async def test_nothing_is_kept_on_the_way_or_taken_for_something_else(dispatch: Dispatch) -> None:
    open_to_all = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/api/v1/openapi.json", "/nothing")
    reading = [call.path for call in calls(dispatch, dispatch.ours) if call.method == "get"]
    async with dispatch.client(dispatch.ours, "admin") as client:
        answers = [await client.get(path) for path in (*open_to_all, *reading, "/api/v1/nothing")]
        answers.append(await client.put("/api/v1/nurses"))
        answers.append(await client.post("/api/v1/nurses", json={}))
        answers.append(await client.post("/api/v1/nurses", content=b"x" * (MAX_BODY_BYTES + 1)))
        answers.append(await client.delete("/api/v1/session"))
        answers.append(await client.get("/api/v1/me"))
    assert {answer.status_code for answer in answers} == {200, 204, 401, 404, 405, 413, 422}
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store", answer.url
        assert answer.headers["x-content-type-options"] == "nosniff", answer.url


async def test_what_went_wrong_is_called_the_same_by_every_python(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        refused = await client.get("/api/v1/alerts?limit=0")
        large = await client.post("/api/v1/session", content=b"x" * (MAX_BODY_BYTES + 1))
        missing = await client.get("/api/v1/nothing")
    titles = [answer.json()["title"] for answer in (refused, large, missing)]
    assert titles == ["Unprocessable Content", "Content Too Large", "Not Found"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_the_document_tells_what_kind_of_answer_everybody_gets(dispatch: Dispatch, path: str) -> None:
    async with dispatch.client() as client:
        given = (await client.get(path)).headers["content-type"]
    documented = dispatch.app.openapi()["paths"][path]["get"]["responses"]["200"]["content"]
    assert [given.partition(";")[0]] == list(documented)


def test_the_document_tells_that_the_store_may_be_out(dispatch: Dispatch) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    told = {}
    for path, operations in dispatch.app.openapi()["paths"].items():
        for operation in operations.values():
            told[path] = operation["responses"].get("503", {}).get("content")
    assert told.pop("/readyz") == {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}
    assert (told.pop("/healthz"), told.pop("/metrics")) == (None, None)
    assert all(path.startswith("/api/v1/") for path in told)
    assert [path for path, content in told.items() if content != problem] == []


class Sick:
    """A service one part of which does not work."""

    async def check(self) -> Mapping[str, str]:
        return {"store": "ok", "broker": "not connected"}


async def test_readiness_names_each_part(dispatch: Dispatch, tmp_path: Path) -> None:
    async with dispatch.client() as client:
        well = await client.get("/readyz")
        assert well.status_code == 200
        parts = dict.fromkeys(("store", "log", "broker", "engine", "routing"), "ok")
        assert well.json() == {"status": "ready", "parts": parts}
        context: Context = dispatch.app.state.context
        fields = {name: getattr(context, name) for name in context.__dataclass_fields__}
        dispatch.app.state.context = Context(**{**fields, "health": Sick()})
        sick = await client.get("/readyz")
        assert sick.status_code == 503
        assert sick.json()["parts"] == {"store": "ok", "broker": "not connected"}
        assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_the_figures_name_routes_and_never_ids(dispatch: Dispatch) -> None:
    async with dispatch.client(dispatch.ours) as client:
        await client.get(f"/api/v1/alerts/{dispatch.ours.alert}")
        await client.get("/api/v1/nothing/at/all")
        await client.request("BREW", "/api/v1/alerts")
        figures = (await client.get("/metrics")).text
    assert "vigil_live_clients 0.0" in figures
    label = 'method="GET",route="/api/v1/alerts/{alert}",status="200"'
    assert f"vigil_http_request_seconds_count{{{label}}} 1.0" in figures
    assert dispatch.ours.alert not in figures
    assert 'method="other"' in figures
    assert "nothing" not in figures

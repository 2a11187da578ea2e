"""Vigil's HTTP API as a script sees it: alerts, and a dispatcher's acts on them."""

from typing import Any

import httpx

from simulators.errors import SimulatorError

Alert = dict[str, Any]
_PAGE = 100
_MAX_PAGES = 20


class Api:
    """A client with a bearer token."""

    def __init__(self, url: str, token: str) -> None:
        """`url` is where Vigil listens, e.g. `http://127.0.0.1:8000`; with or without `/api/v1`.

        Raises:
            SimulatorError: no `token` looks like that.
        """
        if not (token.isascii() and token.isprintable()):
            raise SimulatorError("this is no token: expected what `vigil token create` printed")
        self._client = httpx.AsyncClient(
            base_url=f"{url.rstrip('/').removesuffix('/api/v1')}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=10.0,
            trust_env=False,  # Vigil is local to the scenario: a proxy of the environment is not meant
        )

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, object] | None = None,
        query: dict[str, str | int | None] | None = None,
    ) -> Any:
        """Call the API and return the JSON that it answers; None in `query` is left out.

        Raises:
            SimulatorError: it cannot be reached, or answers with an error.
        """
        try:
            params = {key: value for key, value in (query or {}).items() if value is not None}
            answer = await self._client.request(method, path, json=body, params=params)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise SimulatorError(f"{method} {path}: cannot reach {self._client.base_url}: {why}") from error
        if answer.is_error:
            raise SimulatorError(f"{method} {path}: {answer.status_code} {_why(answer)}")
        return answer.json()

    async def alerts(self, kind: str, since_ms: int) -> list[Alert]:
        """Return the alerts of `kind` that were raised since then, newest first."""
        found: list[Alert] = []
        cursor: str | None = None
        for _page in range(_MAX_PAGES):
            query: dict[str, str | int | None] = {
                "kind": kind,
                "since": since_ms,
                "limit": _PAGE,
                "cursor": cursor,
            }
            page = await self.call("GET", "/alerts", None, query)
            found += page["items"]
            cursor = page.get("next")
            if cursor is None:
                break
        return found

    async def act(self, alert: Alert, act: str, **body: object) -> Alert:
        """Acknowledge, resolve … `alert`; returns it as it is then."""
        changed = await self.call(
            "POST", f"/alerts/{alert['id']}/{act}", {"version": alert["version"], **body}
        )
        return dict(changed)


def _why(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.reason_phrase
    if not isinstance(problem, dict):
        return answer.reason_phrase
    return str(problem.get("detail") or problem.get("title") or answer.reason_phrase)

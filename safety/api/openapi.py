"""The OpenAPI document: what FastAPI finds out by itself, and what it cannot."""

from typing import Any

from fastapi import FastAPI

from safety.api import schemas
from safety.api.people import SESSION_COOKIE

PROBLEM_TYPE = "application/problem+json"
GEOJSON_TYPE = "application/geo+json"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": schemas.InputProblem, "description": "a problem document (RFC 9457)"}
}
UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {
        "model": schemas.Problem,
        "description": "the store cannot be used just now: try again",
        "headers": {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}},
    }
}
"""What every route that uses the store may answer besides."""

_SECURITY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
    "device": {"type": "http", "scheme": "basic", "description": "a device's id and secret"},
    "gateway": {"type": "http", "scheme": "bearer", "description": "`{id}~{secret}` of a gateway"},
}
_OPEN = frozenset({"/healthz", "/readyz", "/metrics"})


class DescribedApplication(FastAPI):
    """A FastAPI application whose document tells of problem documents and of who may call."""

    def openapi(self) -> dict[str, Any]:
        """Return the document; made once."""
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"]["securitySchemes"] = _SECURITY_SCHEMES
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    is_open = path in _OPEN or (path, method) == ("/api/v1/session", "post")
                    _describe(operation, is_open=is_open)
            self.openapi_schema = document
        return self.openapi_schema


def _describe(operation: dict[str, Any], *, is_open: bool) -> None:
    # The doors of devices say themselves what they ask for.
    operation.setdefault("security", [] if is_open else [{"bearer": []}, {"cookie": []}])
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        shape = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        if status[0] == "4" or shape.endswith("Problem"):
            _rename(content, PROBLEM_TYPE)
        elif shape.endswith("/Track"):
            _rename(content, GEOJSON_TYPE)


def _rename(content: dict[str, Any], media_type: str) -> None:
    if "application/json" in content:
        content[media_type] = content.pop("application/json")

"""What the OpenAPI document says of the gateways beyond what their code shows."""

from typing import Any

from pydantic import BaseModel, Field


class Fault(BaseModel):
    """Something that could not be read: the JSON path of the field, and why."""

    field: str | None
    reason: str


class NativeAnswer(BaseModel):
    """What a device is told, and what of its message could not be read and is a dead letter."""

    commands: list[dict[str, Any]] = Field(description="as on the device's `down` topic, oldest first")
    faults: list[Fault]


class AppAnswer(BaseModel):
    """What could not be read and is a dead letter; do not send it again."""

    faults: list[Fault]


class BroughtAnswer(BaseModel):
    """How many reports were admitted, and what was not and is a dead letter; do not send it again."""

    reports: int
    faults: list[Fault]


class GatewayProblem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = None
    errors: list[Fault] | None = None


_PROBLEMS: dict[int | str, dict[str, Any]] = {
    401: {"model": GatewayProblem, "description": "the credentials prove nothing"},
    413: {"model": GatewayProblem, "description": "the body is too large"},
    503: {"model": GatewayProblem, "description": "it could not be made durable: send it again"},
}


def _body(schema: dict[str, Any], *types: str) -> dict[str, Any]:
    return {"required": True, "content": {media: {"schema": schema} for media in types}}


NATIVE: dict[str, Any] = {
    "response_model": NativeAnswer,
    "responses": {
        **_PROBLEMS,
        422: {"model": GatewayProblem, "description": "nothing of it could be read; it is a dead letter"},
    },
    "openapi_extra": {
        "security": [{"device": []}],
        "requestBody": _body(
            {
                "description": "the native payload of the channel",
                "oneOf": [{"type": "object"}, {"type": "array"}],
            },
            "application/json",
        ),
    },
}

OWNTRACKS: dict[str, Any] = {
    "response_model": list[dict[str, Any]],
    "responses": _PROBLEMS,
    "openapi_extra": {
        "security": [{"device": []}],
        "requestBody": _body({"description": "an OwnTracks message", "type": "object"}, "application/json"),
    },
}

OSMAND: dict[str, Any] = {
    "response_model": AppAnswer,
    "responses": _PROBLEMS,
    "openapi_extra": {"security": []},
}

OSMAND_POST: dict[str, Any] = {
    **OSMAND,
    "openapi_extra": {
        "security": [],
        "requestBody": {
            "content": {
                "application/json": {"schema": {"type": "object", "description": "Traccar Client 9"}},
                "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
            }
        },
    },
}

BROUGHT: dict[str, Any] = {
    "response_model": BroughtAnswer,
    "responses": {
        **_PROBLEMS,
        403: {"model": GatewayProblem, "description": "a gateway of another dialect, or too low a role"},
    },
    "openapi_extra": {
        "security": [{"gateway": []}, {"bearer": []}],
        "requestBody": _body(
            {"description": "one message or a list", "oneOf": [{"type": "object"}, {"type": "array"}]},
            "application/json",
        ),
    },
}

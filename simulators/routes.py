"""Routes: how a message of each dialect becomes an HTTP request, and what its answer holds."""

import base64
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import msgspec

from simulators.outbox import Letter
from simulators.roster import Credentials

_JSON = {"Content-Type": "application/json"}


class Request(NamedTuple):
    """What is asked of Vigil."""

    method: str
    path: str
    headers: dict[str, str]
    query: dict[str, str]
    body: bytes


class Route(Protocol):
    """The way of one device; `question` is what it says only to hear what it is to be told."""

    question: Letter | None

    def request(self, letter: Letter) -> Request:
        """Return the request that carries `letter`."""

    def commands(self, answer: bytes) -> list[bytes]:
        """Return the commands in an answer."""


class NativeRoute:
    """`POST /gateway/native/{channel}`: it says with each request which commands it has."""

    question: Letter | None = Letter("status", "question", (-1, -1), b"{}")

    def __init__(self, credentials: Credentials) -> None:
        self._headers = {**_JSON, **_basic(credentials)}
        self._seen: list[str] = []

    def request(self, letter: Letter) -> Request:
        query = {"seen": ",".join(self._seen)} if self._seen else {}
        return Request("POST", f"/gateway/native/{letter.channel}", self._headers, query, letter.payload)

    def commands(self, answer: bytes) -> list[bytes]:
        told: list[dict[str, Any]] = msgspec.json.decode(answer, type=dict[str, Any]).get("commands", [])
        fresh = [each for each in told if each["id"] not in self._seen]
        self._seen = [each["id"] for each in told]
        return [msgspec.json.encode(each) for each in fresh]


class OwnTracksRoute:
    """`POST /gateway/owntracks`, answered with a list of the app's own messages."""

    question: Letter | None = None

    def __init__(self, credentials: Credentials) -> None:
        self._headers = {**_JSON, **_basic(credentials), "X-Limit-U": credentials.id, "X-Limit-D": "phone"}

    def request(self, letter: Letter) -> Request:
        return Request("POST", "/gateway/owntracks", self._headers, {}, letter.payload)

    def commands(self, answer: bytes) -> list[bytes]:
        return [msgspec.json.encode(each) for each in msgspec.json.decode(answer, type=list[Any])]


class OsmandRoute:
    """`/gateway/osmand`: who it is stands in what it says."""

    question: Letter | None = None

    def request(self, letter: Letter) -> Request:
        if letter.channel == "query":
            return Request("GET", "/gateway/osmand", {}, dict(parse_qsl(letter.payload.decode())), b"")
        return Request("POST", "/gateway/osmand", _JSON, {}, letter.payload)

    def commands(self, answer: bytes) -> list[bytes]:
        return []


class BroughtRoute:
    """What a gateway brings of a device: `POST /gateway/{dialect}`, with the gateway's bearer token."""

    question: Letter | None = None

    def __init__(self, dialect: str, token: str) -> None:
        self._dialect = dialect
        self._headers = {**_JSON, "Authorization": f"Bearer {token}"}

    def request(self, letter: Letter) -> Request:
        # ChirpStack tells the event beside the message; the others tell it in there.
        query = {"event": letter.channel} if self._dialect == "chirpstack" else {}
        return Request("POST", f"/gateway/{self._dialect}", self._headers, query, letter.payload)

    def commands(self, answer: bytes) -> list[bytes]:
        return []


def _basic(credentials: Credentials) -> dict[str, str]:
    said = base64.b64encode(f"{credentials.id}:{credentials.secret}".encode()).decode()
    return {"Authorization": f"Basic {said}"}

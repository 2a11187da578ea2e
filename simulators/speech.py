"""Speech: which words a device uses, and over which link: a dialect by MQTT or by HTTP."""

from typing import Literal, NamedTuple

import httpx

from devices.clock import Clock
from devices.codecs.owntracks_commands import PHONE
from simulators.address import Broker
from simulators.dialects import chirpstack, owntracks
from simulators.dialects.chirpstack import ChirpStackWords, Model
from simulators.dialects.native import NativeWords
from simulators.dialects.osmand import Form, OsmandWords
from simulators.dialects.owntracks import OwnTracksWords
from simulators.dialects.platforms import Gb28181Words, Jt808Words
from simulators.dialects.traccar import TraccarWords
from simulators.dialects.words import Words
from simulators.errors import BadFile
from simulators.http_link import HttpLink
from simulators.line import Link
from simulators.link import MqttLink, Wiring
from simulators.outbox import MAX_LIST
from simulators.roster import Credentials
from simulators.routes import BroughtRoute, NativeRoute, OsmandRoute, OwnTracksRoute, Route

Codec = Literal["native", "owntracks", "osmand", "chirpstack", "traccar", "jt808", "gb28181"]
Way = Literal["mqtt", "http"]
BROUGHT: frozenset[Codec] = frozenset({"chirpstack", "traccar", "jt808", "gb28181"})
"""What only a gateway's login brings."""


class Speech(NamedTuple):
    """`is_answered`: each alarm is answered with `alarm_received`, and said again until it is."""

    words: Words
    link: Link
    is_answered: bool


class Dialect(NamedTuple):
    """What a device speaks; `form` counts for `osmand`, `model` for `chirpstack`."""

    codec: Codec = "native"
    way: Way = "mqtt"
    form: Form = "json"
    model: Model = "ws101"


class Identity(NamedTuple):
    """Who a device is: its own login, and what its gateway calls it and logs in with."""

    own: Credentials
    external_id: str | None = None
    gateway: Credentials | None = None


class Doors(NamedTuple):
    """Where Vigil is; `http` are the connections that all devices of a simulation share."""

    broker: Broker
    http: httpx.AsyncClient
    clock: Clock


def native_speech(broker: Broker, credentials: Credentials, most_fixes: int = MAX_LIST) -> Speech:
    """Return the speech of a native device over MQTT."""
    return Speech(NativeWords(most_fixes), MqttLink(broker, credentials), is_answered=True)


def speech(dialect: Dialect, who: Identity, doors: Doors) -> Speech:
    """Return the speech of `who` in `dialect`.

    Raises:
        BadFile: there is no such way, or its gateway is not known.
    """
    if dialect.codec == "osmand" and dialect.way != "http":
        raise BadFile("osmand is spoken over HTTP only")
    words = _words(dialect, who)
    answered = dialect.codec == "native"
    if dialect.way == "http":
        link = HttpLink(doors.http, _route(dialect, who), doors.clock, who.own.id)
        return Speech(words, link, answered)
    login = who.own if dialect.codec not in BROUGHT else _gateway(who)
    return Speech(words, MqttLink(doors.broker, login, _wiring(dialect, who, doors.clock)), answered)


def _words(dialect: Dialect, who: Identity) -> Words:
    called = who.external_id or who.own.id
    match dialect.codec:
        case "native":
            return NativeWords(MAX_LIST)
        case "owntracks":
            return OwnTracksWords()
        case "osmand":
            return OsmandWords(dialect.form, f"{who.own.id}~{who.own.secret}")
        case "chirpstack":
            return ChirpStackWords(dialect.model, called)
        case "traccar":
            return TraccarWords(called)
        case "jt808":
            return Jt808Words(called)
        case "gb28181":
            return Gb28181Words(called)


def _route(dialect: Dialect, who: Identity) -> Route:
    match dialect.codec:
        case "native":
            return NativeRoute(who.own)
        case "owntracks":
            return OwnTracksRoute(who.own)
        case "osmand":
            return OsmandRoute()
    gateway = _gateway(who)
    return BroughtRoute(dialect.codec, f"{gateway.id}~{gateway.secret}")


def _wiring(dialect: Dialect, who: Identity, clock: Clock) -> Wiring | None:
    device = who.own.id
    if dialect.codec == "native":
        return None
    if dialect.codec == "owntracks":
        own = f"owntracks/{device}/{PHONE}"
        return Wiring(
            client=device,
            up=lambda channel: own if channel == owntracks.LOCATION else f"{own}/{channel}",
            down=f"{own}/cmd",
            will=(own, owntracks.last_will(clock.now_ms())),
            retained=frozenset({owntracks.LOCATION}),
        )
    gateway = _gateway(who)
    # One login speaks for many, each over a connection of its own.
    client = f"{gateway.id}.{who.external_id or device}"
    match dialect.codec:
        case "chirpstack":
            prefix = f"application/{chirpstack.APPLICATION}/device/{(who.external_id or '').lower()}/event"
        case "traccar":
            prefix = f"traccar/{gateway.id}"
        case _:
            prefix = f"platform/{gateway.id}"
    return Wiring(client, lambda channel: f"{prefix}/{channel}")


def _gateway(who: Identity) -> Credentials:
    if who.gateway is None or who.external_id is None:
        raise BadFile(f"device {who.own.id}: it needs `external_id` and `gateway: {{id, secret}}`")
    return who.gateway

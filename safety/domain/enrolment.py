"""Enrolment: what a device, or the app on a phone, must be told to reach the service as itself.

OwnTracks takes its configuration as a link (https://owntracks.org/booklet/features/remoteconfig/), Traccar
Client as one of its own scheme, and an app that speaks the native dialect as `vigil:` with JSON of the same
kind. None is an address that a browser would ask for: the secret stands in it.
"""

import base64
import json
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import msgspec

REPORT_EVERY_S = 30
PHONE = "phone"
"""What OwnTracks calls the device of its user; it only has to be one level of a topic."""

Setting = str | int | bool


class Reach(NamedTuple):
    """Where devices reach the service: `mqtt[s]://host:port`, and `http[s]://…` of the gateways."""

    mqtt_url: str
    http_url: str


class Addresses(NamedTuple):
    """What is configured of it; None: devices find the service where the page, or this machine, does."""

    public_url: str | None = None
    public_mqtt_url: str | None = None
    mqtt_port: int = 1883
    mqtt_secure: bool = False

    def reach(self, http_url: str) -> Reach:
        """Return where devices reach a service that is found at `http_url` unless something else is set."""
        public = (self.public_url or http_url).rstrip("/")
        host = urlsplit(public).hostname or "127.0.0.1"
        bracketed = f"[{host}]" if ":" in host else host
        scheme = "mqtts" if self.mqtt_secure else "mqtt"
        return Reach(self.public_mqtt_url or f"{scheme}://{bracketed}:{self.mqtt_port}", public)


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What sets a device up: a link that its app opens (None: it has none), and the same to be typed in."""

    app: str
    link: str | None
    settings: dict[str, Setting]


def enrol(device: str, codec: str, external_id: str | None, secret: str, reach: Reach) -> Enrolment:
    """Return what sets `device` up to speak its dialect with its `secret`."""
    if codec == "owntracks":
        return _owntracks(device, secret, reach)
    if codec == "osmand":
        return _traccar_client(device, secret, reach)
    if codec == "native":
        return _native(device, secret, reach)
    # Someone else's server brings what it says, under the name that it has there.
    named = {"external_id": external_id} if external_id is not None else {}
    return Enrolment(app=codec, link=None, settings=dict(named))


def _owntracks(device: str, secret: str, reach: Reach) -> Enrolment:
    settings: dict[str, Setting] = {
        "auth": True,
        "username": device,
        "password": secret,
        "deviceId": PHONE,
        "tid": device[-2:],
        "monitoring": 2,  # move mode: she is watched while she works
        "moveModeLocatorInterval": REPORT_EVERY_S,
        "extendedData": True,  # with the battery
        "cmd": True,
        "remoteConfiguration": True,  # a pace that it is told; Android asks for leave
    }
    mqtt = urlsplit(reach.mqtt_url)
    if mqtt.scheme != "mqtts" and reach.http_url.startswith("https://"):
        # The secret goes over the air: rather encrypted by HTTP than in the clear by MQTT.
        way: dict[str, Setting] = {"mode": 3, "url": f"{reach.http_url}/gateway/owntracks"}
    else:
        way = {
            "mode": 0,
            "host": mqtt.hostname or "",
            "port": mqtt.port or (8883 if mqtt.scheme == "mqtts" else 1883),
            "tls": mqtt.scheme == "mqtts",
            "clientId": device,
            "pubTopicBase": f"owntracks/{device}/{PHONE}",
            "subTopic": f"owntracks/{device}/{PHONE}/cmd",
            "pubQos": 1,
            "cleanSession": False,
        }
    configuration = {"_type": "configuration", **way, **settings}
    link = f"owntracks:///config?inline={_inline(configuration)}"
    return Enrolment(app="owntracks", link=link, settings={**way, **settings})


def _traccar_client(device: str, secret: str, reach: Reach) -> Enrolment:
    settings: dict[str, Setting] = {
        "url": f"{reach.http_url}/gateway/osmand",
        "id": f"{device}~{secret}",
        "accuracy": "high",
        "interval": REPORT_EVERY_S,
        "distance": 0,
        "buffer": True,
    }
    query = "&".join(f"{name}={quote(_word(value), safe='~')}" for name, value in settings.items())
    return Enrolment(app="traccar_client", link=f"org.traccar.client://config?{query}", settings=settings)


def _native(device: str, secret: str, reach: Reach) -> Enrolment:
    settings: dict[str, Setting] = {
        "device": device,
        "secret": secret,
        "mqtt": reach.mqtt_url,
        "http": f"{reach.http_url}/gateway/native",
    }
    link = f"vigil:///config?inline={_inline({'_type': 'vigil', 'version': 1, **settings})}"
    return Enrolment(app="native", link=link, settings=settings)


def _inline(configuration: dict[str, Setting]) -> str:
    """Return JSON in base64 that is the same in a query string: padded with spaces, so that no `=` is needed.

    `+` and `/` need a `>`, `~` or `?` in what is encoded; what else could bring one is escaped as JSON does.
    """
    text = json.dumps(configuration, separators=(",", ":"))
    for character in "<>~?&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    text += " " * (-len(text) % 3)
    return base64.b64encode(text.encode("ascii")).decode("ascii")


def _word(value: Setting) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

"""Enrolment: links that the apps can read, and nothing of the secret where it does not belong."""

import base64
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from devices import topics
from safety.domain.enrolment import Reach, enrol

REACH = Reach("mqtt://care.example:1884", "http://care.example:8000")
SAFE = Reach("mqtts://care.example", "https://care.example")
SECRET = "0123456789abcdef" * 3


def opened(link: str | None) -> dict[str, Any]:
    """What an app finds in a link's `inline`, reading it strictly and as it stands."""
    assert link is not None
    inline = link.partition("inline=")[2]
    assert re.fullmatch(r"[A-Za-z0-9]+", inline)
    assert parse_qs(urlsplit(link).query)["inline"] == [inline]
    found: dict[str, Any] = json.loads(base64.b64decode(inline, validate=True))
    return found


def test_owntracks_is_set_up_for_mqtt() -> None:
    made = enrol("dev_k3v9x2m4", "owntracks", None, SECRET, REACH)
    assert made.link is not None
    assert made.link.startswith("owntracks:///config?inline=")
    config = opened(made.link)
    assert (config["_type"], config["mode"]) == ("configuration", 0)
    assert (config["host"], config["port"], config["tls"]) == ("care.example", 1884, False)
    assert (config["username"], config["password"], config["auth"]) == ("dev_k3v9x2m4", SECRET, True)
    assert config["pubTopicBase"] == "owntracks/dev_k3v9x2m4/phone"
    assert made.settings == {name: value for name, value in config.items() if name != "_type"}


def test_owntracks_is_set_up_for_what_the_broker_allows_it() -> None:
    config = opened(enrol("dev_k3v9x2m4", "owntracks", None, SECRET, REACH).link)
    assert topics.may_publish("dev_k3v9x2m4", config["pubTopicBase"])
    assert topics.may_subscribe("dev_k3v9x2m4", config["subTopic"])


def test_owntracks_uses_tls_where_there_is_some() -> None:
    config = opened(enrol("dev_a", "owntracks", None, SECRET, SAFE).link)
    assert (config["mode"], config["port"], config["tls"]) == (0, 8883, True)
    half = Reach("mqtt://care.example:1883", "https://care.example")
    config = opened(enrol("dev_a", "owntracks", None, SECRET, half).link)
    assert (config["mode"], config["url"]) == (3, "https://care.example/gateway/owntracks")
    assert "host" not in config


def test_traccar_client_is_set_up_by_its_own_scheme() -> None:
    made = enrol("dev_a", "osmand", None, SECRET, SAFE)
    assert made.link is not None
    assert made.link.startswith("org.traccar.client://config?")
    told = parse_qs(urlsplit(made.link).query)
    assert told["url"] == ["https://care.example/gateway/osmand"]
    assert told["id"] == [f"dev_a~{SECRET}"]
    assert told["buffer"] == ["true"]


def test_a_native_app_gets_the_same_as_json() -> None:
    config = opened(enrol("dev_a", "native", None, SECRET, REACH).link)
    assert config == {
        "_type": "vigil",
        "version": 1,
        "device": "dev_a",
        "secret": SECRET,
        "mqtt": "mqtt://care.example:1884",
        "http": "http://care.example:8000/gateway/native",
    }


@pytest.mark.parametrize("codec", ["chirpstack", "traccar", "jt808", "gb28181"])
def test_what_a_gateway_brings_needs_no_secret(codec: str) -> None:
    made = enrol("dev_a", codec, "24e124535b316056", SECRET, SAFE)
    assert (made.link, made.settings) == (None, {"external_id": "24e124535b316056"})


def test_an_odd_address_still_makes_a_link_that_needs_no_escaping() -> None:
    odd = Reach("mqtt://[fe80::1]:1883", "http://host/a?b=~<>&c")
    for codec in ("owntracks", "native"):
        assert opened(enrol("dev_a", codec, None, SECRET, odd).link)

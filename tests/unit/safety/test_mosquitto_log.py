"""MosquittoLog: what is denied is told, with how often; what is not, is not."""

import pytest

from devices import topics
from safety.mosquitto_log import MOST_LETTERS, MosquittoLog

LINES = """\
1795397644: New connection from 127.0.0.1:35556 on port 8883.
1795397644: New client connected from 127.0.0.1:35556 as dev_a (p2, c1, k60, u'dev_a').
1795397644: Sending CONNACK to dev_a (0, 0)
1795397644: Received PUBLISH from dev_a (d0, q1, r0, m1, 'vigil/v1/dev_a/location', ... (2 bytes))
1795397644: Denied PUBLISH from dev_a (d0, q1, r0, m1, 'vigil/v1/dev_b/location', ... (7 bytes))
1795397644: Sending PUBACK to dev_a (m1, rc135)
1795397644: Denied PUBLISH from dev_a (d0, q1, r0, m2, 'vigil/v1/dev_b/location', ... (7 bytes))
1795397645: Received SUBSCRIBE from dev_a
1795397645: \t# (QoS 0)
1795397645: \tvigil/v1/dev_a/down (QoS 1)
1795397645: Sending SUBACK to dev_a
1795397645: \tvigil/v1/dev_b/down (QoS 1)
1795397645: Sending CONNACK to 203.0.113.9 (0, 5)
1795397645: Client <unknown> disconnected, not authorised.
2026-11-23T01:02:03: Sending CONNACK to 203.0.113.9 (0, 135)
1795397702: OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed
1795397702: Dropped too large PUBLISH from dev_a (d0, q1, r0, m9, 'vigil/v1/dev_a/record', ... (5000 bytes))
""".splitlines(keepends=True)


def test_what_was_denied_is_told_with_how_often() -> None:
    told = MosquittoLog(topics.may_subscribe).read(LINES)
    assert [(one.reason, one.device, one.topic, one.count) for one in told] == [
        ("foreign_topic", "dev_a", "vigil/v1/dev_b/location", 2),
        ("foreign_subscription", "dev_a", "#", 1),
        ("login_refused", None, "", 2),
        ("login_refused", None, "", 1),
        ("too_large", "dev_a", "vigil/v1/dev_a/record", 1),
    ]
    assert told[2].explanation == "wrong name or secret; from 203.0.113.9; 2 times"
    assert told[3].explanation == "TLS: certificate verify failed"


def test_a_subscription_may_be_cut_between_two_readings() -> None:
    log = MosquittoLog(topics.may_subscribe)
    assert log.read(LINES[:8]) != []
    assert [one.topic for one in log.read(LINES[8:11])] == ["#"]


def subscribing(client: str, login: str | None) -> list[str]:
    by = "" if login is None else f", u'{login}'"
    return [
        f"1795397644: New client connected from 127.0.0.1:35556 as {client} (p5, c0, k60{by}).\n",
        f"1795397644: Received SUBSCRIBE from {client}\n",
        "1795397644: \tvigil/v1/+/alarm (QoS 1)\n",
    ]


def test_what_vigil_itself_subscribes_to_is_no_intrusion() -> None:
    log = MosquittoLog(topics.may_subscribe, "vigil")
    own = subscribing("vigil-ingest-alarms", "vigil")
    assert log.read(own) == []
    assert log.read(own[1:]) == []


@pytest.mark.parametrize("login", ["dev_a", "vigil2", None])
def test_who_takes_a_client_id_of_vigils_is_not_vigil(login: str | None) -> None:
    log = MosquittoLog(topics.may_subscribe, "vigil")
    log.read(subscribing("vigil-ingest-alarms", "vigil"))
    for _ in range(2):
        (told,) = log.read(subscribing("vigil-ingest-alarms", login))
        assert (told.reason, told.topic) == ("foreign_subscription", "vigil/v1/+/alarm")


def test_a_storm_of_names_is_counted_whole_and_told_in_part() -> None:
    lines = [f"1: Sending CONNACK to 203.0.113.{n} (0, 5)\n" for n in range(MOST_LETTERS + 50)]
    told = MosquittoLog(topics.may_subscribe).read(lines)
    assert len(told) == MOST_LETTERS + 1
    assert sum(one.count for one in told) == len(lines)

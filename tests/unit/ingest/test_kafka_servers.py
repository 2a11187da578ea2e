"""The way to Kafka as a URL says it."""

import pytest

from ingest.log.kafka_servers import KafkaServers


def test_several_hosts_and_a_prefix() -> None:
    servers = KafkaServers.parse("kafka://a:9092,b:9093", "vigil.")
    assert servers.servers == ("a:9092", "b:9093")
    assert servers.name("alarms") == "vigil.alarms"
    assert servers.options() == {"bootstrap_servers": ["a:9092", "b:9093"], "security_protocol": "PLAINTEXT"}


def test_a_login_and_tls() -> None:
    options = KafkaServers.parse("kafkas://me:a%40b@a:9092?sasl=PLAIN").options()
    assert options["security_protocol"] == "SASL_SSL"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("me", "a@b")
    assert options["sasl_mechanism"] == "PLAIN"
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a:9092",
        "http://a:9092",
        "kafka://",
        "kafka://a",
        "kafka://a:x",
        "kafka://a:1/topic",
        "kafka://:1",
    ],
)
def test_what_is_no_such_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected kafka://"):
        KafkaServers.parse(url)


def test_an_unknown_mechanism_is_refused_without_the_password() -> None:
    with pytest.raises(ValueError, match=r"expected \?sasl= to be one of PLAIN") as refused:
        KafkaServers.parse("kafka://me:secret@a:9092?sasl=MD5")
    assert "secret" not in str(refused.value)

"""Brokers' addresses as people write them."""

import pytest

from simulators.address import Broker
from simulators.errors import BadAddress


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mqtt://127.0.0.1:18830", ("127.0.0.1", 18830)),
        ("tcp://broker.example/", ("broker.example", 1883)),
        ("localhost:1999", ("localhost", 1999)),
        ("broker", ("broker", 1883)),
        ("mqtt://[::1]:1884", ("::1", 1884)),
    ],
)
def test_addresses_that_can_be_used(text: str, expected: tuple[str, int]) -> None:
    broker = Broker.parse(text)
    assert broker == expected
    assert Broker.parse(str(broker)) == expected


@pytest.mark.parametrize(
    "text", ["", "http://broker", "mqtt://:1883", "broker:port", "broker:99999", "mqtt://a/b"]
)
def test_others_are_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(BadAddress, match="broker"):
        Broker.parse(text)

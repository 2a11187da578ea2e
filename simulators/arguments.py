"""Arguments: what the simulators' commands take, read so that what makes no sense is bad usage."""

import math
from argparse import ArgumentTypeError
from collections.abc import Callable
from urllib.parse import urlsplit

from simulators.address import Broker
from simulators.errors import BadAddress


def broker(text: str) -> Broker:
    """Read a broker's address."""
    try:
        return Broker.parse(text)
    except BadAddress as error:
        raise ArgumentTypeError(str(error)) from error


def web_address(text: str) -> str:
    """Read where an API is."""
    try:
        parts = urlsplit(text)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return text
    except ValueError:
        pass
    raise ArgumentTypeError(f"{text!r}: expected http://HOST:PORT or https://HOST:PORT")


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """Return a reader of numbers from `low` to `high`."""
    expected = f"expected a number from {low:g}" + (f" to {high:g}" if math.isfinite(high) else "")

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and low <= value <= high):
            raise ArgumentTypeError(f"{text!r}: {expected}")
        return value

    return read


def variable(text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`."""
    name, given, value = text.partition("=")
    if not given or not name:
        raise ArgumentTypeError(f"{text!r}: expected NAME=VALUE")
    return name, value

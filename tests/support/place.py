"""Place: where a process of a test runs: on this machine as it is, or in a network of its own."""

from typing import NamedTuple


class Place(NamedTuple):
    """The address at which its servers listen, and what its commands are started through."""

    host: str = "127.0.0.1"
    through: tuple[str, ...] = ()


HERE = Place()

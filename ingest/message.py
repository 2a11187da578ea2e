"""Message: what was published, as it goes from whoever reads it to admission."""

from typing import NamedTuple


class Message(NamedTuple):
    """A `payload` published on `topic`; `by` is the login, where the broker tells it."""

    topic: str
    payload: bytes
    by: str | None = None

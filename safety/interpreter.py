"""Interpreter: how Python is set in a service, so that an alarm waits for no thread and no collection."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_INTERVAL_S = 0.0005
"""How long a thread keeps the interpreter from others: SQLite's threads win it back at every statement, and
at Python's 5 ms an append beside a busy loop took 17 ms instead of 1."""
_COLLECTIONS = (2_000, 10, 2_500)
"""When Python looks for cycles of garbage: among the young objects after so many new ones, among the middle
ones after so many of these, among all after so many of those: about once an hour at 5,000 locations a second.
By itself it does that every five seconds then, and everything stands still for 200 ms."""


def share() -> None:
    """Let the threads of this process take turns quickly."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)


def settle() -> None:
    """Leave what is there once a service is ready out of all collections to come: none of it is garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)


@contextmanager
def loading() -> Iterator[None]:
    """Look for no garbage while the body loads what will stay, nor in that ever after.

    Looking takes longer than loading; and later a collection among 100,000 nurses takes 71 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

"""Frames: the messages of the live feed, encoded once for all who get them."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from devices.rfc3339 import rfc3339
from safety.api import views
from safety.api.answers import encode
from safety.api.outbox import Frame
from safety.store.feed import AlertChange
from safety.store.queries import Rows


def parse_cursor(text: str | None) -> int | None:
    """Return the timeline entry that a cursor stands for, None if it is no cursor."""
    if text is None or not text.isascii() or not text.isdecimal() or len(text) > 18:
        return None
    return int(text)


def snapshot(seq: int, now_ms: int, alerts: Rows, positions: Rows, devices: Rows) -> Frame:
    """Return the picture as it was at timeline entry `seq`, or the beginning of one."""
    return _frame(
        {
            "type": "snapshot",
            "cursor": str(seq),
            "time": rfc3339(now_ms),
            "alerts": [views.alert(row, now_ms) for row in alerts],
            "positions": [views.position(row, now_ms) for row in positions],
            "devices": [views.device(row) for row in devices],
        }
    )


def alert(change: AlertChange, now_ms: int) -> Frame:
    """Return the alert as it is now; its cursor is its newest timeline entry."""
    shown = views.alert(change.alert, now_ms)
    return _frame({"type": "alert", "cursor": str(change.seq), "alert": shown}, change.seq)


def positions(rows: Iterable[Row[Any]], now_ms: int) -> Frame:
    """Return where nurses are now."""
    shown = [views.position(row, now_ms) for row in rows]
    return _frame({"type": "position", "positions": shown}, urgent=False)


def device(row: Row[Any]) -> Frame:
    """Return how a device is now."""
    return _frame({"type": "device", "device": views.device(row)}, urgent=False)


def devices(rows: Iterable[Row[Any]]) -> Frame:
    """Return how many devices are now."""
    return _frame({"type": "device", "devices": [views.device(row) for row in rows]}, urgent=False)


def heartbeat(seq: int, now_ms: int) -> Frame:
    """Return the sign that the store was read just now, up to timeline entry `seq`."""
    return _frame({"type": "heartbeat", "time": rfc3339(now_ms), "cursor": str(seq)})


def _frame(content: dict[str, Any], seq: int = 0, *, urgent: bool = True) -> Frame:
    return Frame(encode(content).decode(), seq, urgent)

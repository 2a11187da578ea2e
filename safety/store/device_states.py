"""How devices are, as far as they and the rules said: one row for each, written once a batch."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from safety.rules.effects import DeviceHealth, HearDevice, PlacePosition, RaiseAlert
from safety.rules.health import USABLE_ACCURACY_M
from safety.store.postgres import next_revision
from safety.store.tables import device_states
from safety.store.upsert import replace

_States = dict[str, dict[str, Any]]


def store_states(
    connection: Connection,
    heard: Sequence[HearDevice],
    places: Sequence[PlacePosition],
    aside: Iterable[DeviceHealth | RaiseAlert],
) -> None:
    """Store what was heard of devices, their last fixes, and `aside` their health and their test alarms."""
    latest: _States = {}
    _hear(latest, heard)
    _see(latest, places)
    for effect in aside:
        if isinstance(effect, DeviceHealth):
            _of(latest, effect.device).update(
                battery_trend_pct_h=effect.battery_trend_pct_h,
                battery_empty_ms=effect.battery_empty_ms,
                battery_charging=effect.battery_charging,
                clock_skew_ms=effect.clock_skew_ms,
            )
        elif effect.device is not None:
            _of(latest, effect.device)["tested_ms"] = effect.received_ms
    if latest:
        _write(connection, latest)


def _of(latest: _States, device: str) -> dict[str, Any]:
    return latest.setdefault(device, {"device": device})


def _hear(latest: _States, heard: Sequence[HearDevice]) -> None:
    for hear in heard:
        state = latest.setdefault(hear.device, {"device": hear.device})
        told = {
            "online": hear.online,
            "battery_pct": hear.battery_pct,
            "signal_dbm": hear.signal_dbm,
            "firmware": hear.firmware,
        }
        state |= {name: value for name, value in told.items() if value is not None}
        if hear.online is not False:  # a last will is the broker's word, not the device's
            state["heard_ms"] = hear.heard_ms


def _see(latest: _States, places: Sequence[PlacePosition]) -> None:
    """Note the last fix of each device; of one that is no use how bad it is, and the usable one before."""
    for device, sight in {place.sight.device: place.sight for place in places}.items():
        state = latest[device]
        state["fix_accuracy_m"] = sight.position.accuracy_m
        if _is_usable(sight.position.accuracy_m):
            state["fix_ms"] = sight.received_ms
            continue
        for place in reversed(places):
            if place.sight.device == device and _is_usable(place.sight.position.accuracy_m):
                state["fix_ms"] = place.sight.received_ms
                break


def _is_usable(accuracy_m: float | None) -> bool:
    return accuracy_m is None or accuracy_m <= USABLE_ACCURACY_M


def _write(connection: Connection, latest: _States) -> None:
    revision = next_revision(connection, device_states.c.revision)
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for _, state in sorted(latest.items()):
        by_columns.setdefault(tuple(state), []).append({**state, "revision": revision})
    for told_columns, rows in by_columns.items():
        columns = [*told_columns[1:], "revision"]
        replace(connection, device_states, rows, key=["device"], columns=columns)

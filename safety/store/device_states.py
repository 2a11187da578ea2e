"""How devices are, as far as they and the rules said: one row for each, written once a batch."""

from collections.abc import Iterable

from sqlalchemy import Connection

from safety.rules.effects import DeviceHealth, Effect, HearDevice, PlacePosition, RaiseAlert
from safety.rules.health import USABLE_ACCURACY_M
from safety.store.bulk import Row, Value, put
from safety.store.postgres import next_revision
from safety.store.tables import device_states

_State = dict[str, Value]
_States = dict[str, _State]


def store_states(connection: Connection, effects: Iterable[Effect]) -> None:
    """Store what `effects` say of devices: heard, seen, well or not, and when their alarms were a test."""
    latest: _States = {}
    for effect in effects:
        if type(effect) is PlacePosition:
            _see(latest, effect)
        elif isinstance(effect, HearDevice):
            _hear(latest, effect)
        elif isinstance(effect, DeviceHealth):
            _of(latest, effect.device).update(
                battery_trend_pct_h=effect.battery_trend_pct_h,
                battery_empty_ms=effect.battery_empty_ms,
                battery_charging=effect.battery_charging,
                clock_skew_ms=effect.clock_skew_ms,
            )
        elif isinstance(effect, RaiseAlert) and effect.test and effect.device is not None:
            _of(latest, effect.device)["tested_ms"] = effect.received_ms
    if latest:
        _write(connection, latest)


def _of(latest: _States, device: str) -> _State:
    return latest.setdefault(device, {"device": device})


def _see(latest: _States, place: PlacePosition) -> None:
    """Note that a device was heard, how good its fix is, and when its last usable one came in."""
    sight = place.sight
    device, received_ms, accuracy_m = sight.device, sight.received_ms, sight.position.accuracy_m
    state = latest.get(device)
    if state is None:
        state = latest[device] = {"device": device}
    state["online"] = True
    state["heard_ms"] = received_ms
    state["fix_accuracy_m"] = accuracy_m
    if place.battery_pct is not None:
        state["battery_pct"] = place.battery_pct
    if accuracy_m is None or accuracy_m <= USABLE_ACCURACY_M:
        state["fix_ms"] = received_ms


def _hear(latest: _States, heard: HearDevice) -> None:
    state = _of(latest, heard.device)
    told = {
        "online": heard.online,
        "battery_pct": heard.battery_pct,
        "signal_dbm": heard.signal_dbm,
        "firmware": heard.firmware,
    }
    state |= {name: value for name, value in told.items() if value is not None}
    if heard.online is not False:  # a last will is the broker's word, not the device's
        state["heard_ms"] = heard.heard_ms


def _write(connection: Connection, latest: _States) -> None:
    revision = next_revision(connection, device_states.c.revision)
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for _, state in sorted(latest.items()):
        by_columns.setdefault(tuple(state), []).append((*state.values(), revision))
    for columns, rows in by_columns.items():
        put(connection, device_states, (*columns, "revision"), rows, key="device")

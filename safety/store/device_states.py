"""How devices are, as far as they and the rules said: one row for each, written once a batch."""

from sqlalchemy import Connection

from safety.rules.effects import DeviceHealth, Effect, HearDevice, PlacePosition, RaiseAlert
from safety.rules.health import USABLE_ACCURACY_M
from safety.store.bulk import Row, Value, put
from safety.store.postgres import next_revision
from safety.store.tables import device_states

State = dict[str, Value]
"""What is to be stored of one device, by column: only what was told."""
States = dict[str, State]


def store_states(connection: Connection, states: States) -> None:
    """Set what `states` tell, and leave the rest as it is."""
    revision = next_revision(connection, device_states.c.revision)
    by_columns: dict[tuple[str, ...], list[Row]] = {}
    for _, state in sorted(states.items()):
        by_columns.setdefault(tuple(state), []).append((*state.values(), revision))
    for columns, rows in by_columns.items():
        put(connection, device_states, (*columns, "revision"), rows, key="device")


def note(states: States, effect: Effect) -> None:
    """Note in `states` what an effect says of a device: heard, well or not, and when its alarm was a test."""
    if isinstance(effect, HearDevice):
        _hear(states, effect)
    elif isinstance(effect, DeviceHealth):
        _of(states, effect.device).update(
            battery_trend_pct_h=effect.battery_trend_pct_h,
            battery_empty_ms=effect.battery_empty_ms,
            battery_charging=effect.battery_charging,
            clock_skew_ms=effect.clock_skew_ms,
        )
    elif isinstance(effect, RaiseAlert) and effect.test and effect.device is not None:
        _of(states, effect.device)["tested_ms"] = effect.received_ms


def see(states: States, place: PlacePosition) -> None:
    """Note that a device was heard, how good its fix is, and when its last usable one came in."""
    sight = place.sight
    device, received_ms, accuracy_m = sight.device, sight.received_ms, sight.position.accuracy_m
    state = states.get(device)
    if state is None:
        state = states[device] = {"device": device}
    state["online"] = True
    state["heard_ms"] = received_ms
    state["fix_accuracy_m"] = accuracy_m
    if place.battery_pct is not None:
        state["battery_pct"] = place.battery_pct
    if accuracy_m is None or accuracy_m <= USABLE_ACCURACY_M:
        state["fix_ms"] = received_ms


def _of(states: States, device: str) -> State:
    return states.setdefault(device, {"device": device})


def _hear(states: States, heard: HearDevice) -> None:
    state = _of(states, heard.device)
    told = {
        "online": heard.online,
        "battery_pct": heard.battery_pct,
        "signal_dbm": heard.signal_dbm,
        "firmware": heard.firmware,
    }
    state |= {name: value for name, value in told.items() if value is not None}
    if heard.online is not False:  # a last will is the broker's word, not the device's
        state["heard_ms"] = heard.heard_ms

"""Stores what the engine wants to be so, in one transaction; storing it again changes nothing."""

from collections.abc import Sequence

from sqlalchemy import Connection

from safety.rules.effects import (
    AlarmRepeated,
    CancelAlert,
    DeviceHealth,
    Effect,
    HearDevice,
    KeepRecord,
    NoteAlert,
    PlacePosition,
    RaiseAlert,
    TellDevice,
)
from safety.store.alerts import cancel_alert, note_alert, raise_new, repeat_alarm, stored_alerts
from safety.store.bulk import Row, put
from safety.store.deliveries import Came, note_answers
from safety.store.device_states import store_states
from safety.store.outbox import owe_command
from safety.store.postgres import lock_nurses, next_revision
from safety.store.tables import positions
from safety.store.tracks import store_tracks
from safety.store.work_records import store_records

_POSITION = (
    *("nurse", "org", "device", "visit", "lat", "lon", "accuracy_m", "time_ms", "received_ms"),
    "revision",
)


def store_effects(connection: Connection, effects: Sequence[Effect], now_ms: int) -> bool:
    """Store `effects` in order; tell whether any of them concerns people, not only the map."""
    places = [effect for effect in effects if type(effect) is PlacePosition]
    told = False
    if len(places) < len(effects):
        told = _store_others(connection, effects, now_ms)
    _store_positions(connection, places)
    store_tracks(connection, places)
    store_states(connection, effects)
    if places:
        note_answers(connection, (_came(place) for place in places), now_ms)
    return told


def _store_others(connection: Connection, effects: Sequence[Effect], now_ms: int) -> bool:
    """Store what places nobody and is not only of a device; tell whether it concerns people."""
    quiet = 0
    kept: list[KeepRecord] = []
    repeated: set[tuple[str, str, str | None, int | None]] = set()
    _lock(connection, effects)
    raised = [effect.id for effect in effects if isinstance(effect, RaiseAlert)]
    stored = stored_alerts(connection, raised) if raised else set()
    for effect in effects:
        if isinstance(effect, PlacePosition | HearDevice | DeviceHealth):
            quiet += 1
        elif isinstance(effect, KeepRecord):
            quiet += 1
            kept.append(effect)
        elif isinstance(effect, AlarmRepeated):
            # An outage leaves repeats by the hundred behind, and all of them want one answer.
            alarm = (effect.alert, effect.device, effect.alarm, effect.alarm_seq)
            if alarm not in repeated:
                repeated.add(alarm)
                repeat_alarm(connection, effect)
        elif isinstance(effect, RaiseAlert):
            if effect.id not in stored:
                stored.add(effect.id)
                raise_new(connection, effect, now_ms)
        else:
            _store_alert_effect(connection, effect)
    store_records(connection, kept)
    return quiet < len(effects)


def _lock(connection: Connection, effects: Sequence[Effect]) -> None:
    """Hold all that `effects` may change of alerts, before the first of them is stored."""
    nurses = {
        effect.nurse for effect in effects if isinstance(effect, RaiseAlert) and effect.nurse is not None
    }
    lock_nurses(connection, nurses, {effect.alert for effect in effects if isinstance(effect, CancelAlert)})


def _store_alert_effect(connection: Connection, effect: NoteAlert | CancelAlert | TellDevice) -> None:
    if isinstance(effect, NoteAlert):
        note_alert(connection, effect)
    elif isinstance(effect, TellDevice):
        _owe(connection, effect)
    else:
        cancel_alert(connection, effect)


def _owe(connection: Connection, told: TellDevice) -> None:
    owe_command(
        connection,
        id=told.id,
        device=told.device,
        kind=told.kind,
        alarm=told.alarm,
        seq=told.alarm_seq,
        alert=told.alert,
        details=told.details,
        at_ms=told.at_ms,
        ttl_s=told.ttl_s,
    )


def _store_positions(connection: Connection, places: Sequence[PlacePosition]) -> None:
    newest = {place.sight.nurse: place for place in places if place.newest}
    if newest:
        revision = next_revision(connection, positions.c.revision)
        rows = [_position(place, revision) for _, place in sorted(newest.items())]
        put(connection, positions, _POSITION, rows, key="nurse")


def _position(place: PlacePosition, revision: int) -> Row:
    sight = place.sight
    position = sight.position
    return (
        sight.nurse,
        sight.org,
        sight.device,
        place.visit,
        position.lat,
        position.lon,
        position.accuracy_m,
        sight.time_ms,
        sight.received_ms,
        revision,
    )


def _came(place: PlacePosition) -> Came:
    sight = place.sight
    return Came(sight.device, sight.received_ms, place.newest, sight.seq)

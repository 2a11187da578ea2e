"""Stores what the engine wants to be so, in one transaction; storing it again changes nothing."""

from collections.abc import Sequence
from typing import Any

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
from safety.store.deliveries import Came, note_answers
from safety.store.device_states import store_states
from safety.store.outbox import owe_command
from safety.store.postgres import lock_nurses, next_revision
from safety.store.tables import positions
from safety.store.tracks import insert_points
from safety.store.upsert import replace
from safety.store.work_records import store_records


def store_effects(connection: Connection, effects: Sequence[Effect], now_ms: int) -> bool:
    """Store `effects` in order; tell whether any of them concerns people, not only the map."""
    places: list[PlacePosition] = []
    heard: list[HearDevice] = []
    kept: list[KeepRecord] = []
    aside: list[DeviceHealth | RaiseAlert] = []
    repeated: set[tuple[str, str, str | None, int | None]] = set()
    _lock(connection, effects)
    raised = [effect.id for effect in effects if isinstance(effect, RaiseAlert)]
    stored = stored_alerts(connection, raised) if raised else set()
    for effect in effects:
        if isinstance(effect, PlacePosition):
            places.append(effect)
            heard.append(_heard_with(effect))
        elif isinstance(effect, HearDevice):
            heard.append(effect)
        elif isinstance(effect, KeepRecord):
            kept.append(effect)
        elif isinstance(effect, AlarmRepeated):
            # An outage leaves repeats by the hundred behind, and all of them want one answer.
            alarm = (effect.alert, effect.device, effect.alarm, effect.alarm_seq)
            if alarm not in repeated:
                repeated.add(alarm)
                repeat_alarm(connection, effect)
        elif isinstance(effect, DeviceHealth):
            aside.append(effect)
        elif isinstance(effect, RaiseAlert):
            if effect.test:
                aside.append(effect)
            if effect.id not in stored:
                stored.add(effect.id)
                raise_new(connection, effect, now_ms)
        else:
            _store_alert_effect(connection, effect)
    _store_places(connection, places)
    store_states(connection, heard, places, aside)
    store_records(connection, kept)
    if places:
        note_answers(connection, (_came(place) for place in places), now_ms)
    told = sum(isinstance(effect, DeviceHealth) for effect in aside)
    return len(heard) + len(kept) + told < len(effects)


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


def _store_places(connection: Connection, places: Sequence[PlacePosition]) -> None:
    newest = {place.sight.nurse: place for place in places if place.newest}
    if newest:
        revision = next_revision(connection, positions.c.revision)
        rows = [{**_place(newest[nurse]), "revision": revision} for nurse in sorted(newest)]
        columns = [column.name for column in positions.c if column.name != "nurse"]
        replace(connection, positions, rows, key=["nurse"], columns=columns)
    points = [place for place in places if place.visit is not None]
    insert_points(connection, [_track_point(place) for place in points])


def _place(place: PlacePosition) -> dict[str, Any]:
    return {**_track_point(place), "org": place.sight.org}


def _track_point(place: PlacePosition) -> dict[str, Any]:
    sight, position = place.sight, place.sight.position
    return {
        "nurse": sight.nurse,
        "device": sight.device,
        "visit": place.visit,
        "lat": position.lat,
        "lon": position.lon,
        "accuracy_m": position.accuracy_m,
        "time_ms": sight.time_ms,
        "received_ms": sight.received_ms,
    }


def _heard_with(place: PlacePosition) -> HearDevice:
    """Return what a fix says of the device that it came from."""
    sight = place.sight
    return HearDevice(sight.device, sight.received_ms, online=True, battery_pct=place.battery_pct)


def _came(place: PlacePosition) -> Came:
    sight = place.sight
    return Came(sight.device, sight.received_ms, place.newest, sight.seq)

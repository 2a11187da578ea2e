"""Stores what the engine wants to be so, in one transaction; storing it again changes nothing."""

from collections.abc import Sequence
from itertools import chain

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
from safety.store.newest import Newest, store_newest
from safety.store.outbox import owe_command
from safety.store.pace import quicken
from safety.store.postgres import lock_nurses
from safety.store.tracks import store_tracks
from safety.store.work_records import store_records


def store_effects(
    connection: Connection, effects: Sequence[Effect], now_ms: int, newest: Newest | None = None
) -> bool:
    """Store `effects` in order; tell whether any of them concerns people, not only the map.

    With `newest` that is stored in place of what they say of positions and of devices' states: whoever
    gathers it lets what is overtaken at once out, and sees to it that the rest is stored.
    """
    if newest is None:
        newest = Newest()
        newest.take(effects)
    places = [effect for effect in effects if type(effect) is PlacePosition]
    told = len(places) < len(effects) and _store_others(connection, effects, now_ms)
    store_tracks(connection, places)
    store_newest(connection, newest)
    if places or newest.places:
        # The newest once more: since they came, the broker may have taken over what they answer.
        came = (_came(place) for place in chain(places, newest.places.values()))
        note_answers(connection, came, now_ms)
    return told


def store_paces(connection: Connection, effects: Sequence[Effect], now_ms: int) -> bool:
    """Have those report more often of whom `effects` raised an alert; tell whether any is to be told so.

    In a transaction after that of `store_effects`, for an alert need not wait for it. After a crash between
    the two, or after both, it is stored again: that changes nothing.
    """
    raised = [effect for effect in effects if isinstance(effect, RaiseAlert)]
    lock_nurses(connection, {one.nurse for one in raised if one.nurse is not None}, ())
    return quicken(connection, [one.id for one in raised], now_ms)


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


def _came(place: PlacePosition) -> Came:
    sight = place.sight
    return Came(sight.device, sight.received_ms, place.newest, sight.seq)

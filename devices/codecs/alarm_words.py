"""Alarm words: what other systems call an alarm, which of ours it is, and which of several counts.

The names are Traccar's (`Position.ALARM_*`), which also OsmAnd clients send, and what people write.
"""

from collections.abc import Iterable

from devices import reports
from devices.reports import AlarmBase

# The strongest first: duress is a panic that must stay silent, and what follows a panic may be taken back.
_MEANINGS: dict[type[AlarmBase], str] = {
    reports.DuressSignalled: "duress hostage 胁迫",
    reports.PanicPressed: "sos panic help emergency mayday 求救 报警 紧急 紧急报警 一键报警",
    reports.FallDetected: "fall falldown falldetected mandown accident 跌倒",
    reports.NoMotionDetected: "nomotion nomovement 静止",
    reports.TamperDetected: "tamper tampering removing removed jamming gpsantennacut 拆除",
}
KINDS: dict[str, type[AlarmBase]] = {
    word: kind for kind, words in _MEANINGS.items() for word in words.split()
}
# Alarms of vehicles and batteries: no person raised them.
_OF_THINGS = """
    vibration movement lowspeed overspeed lowpower lowbattery fault poweroff poweron door lock unlock geofence
    geofenceenter geofenceexit tow idle highrpm hardacceleration hardbraking hardcornering lanechange
    fatiguedriving powercut powerrestored temperature parking bonnet footbrake fuelleak
"""
_NOT_OURS = frozenset(_OF_THINGS.split())
_NONE = frozenset({"", "0", "0.0", "false", "no", "none", "null", "normal", "off"})
_DEEPEST = 4
_TOO_DEEP = "?"
"""How far down words are looked for, and the word, which nobody knows, for what is further down."""


def plain(said: str) -> str:
    """Return `said` without case, blanks, hyphens and underscores."""
    return said.strip().lower().replace("_", "").replace("-", "").replace(" ", "")


def meant(said: str) -> type[AlarmBase] | None:
    """Return the alarm that a free text is, if it is nothing but a word for one."""
    return KINDS.get(plain(said))


def strongest(kinds: Iterable[type[AlarmBase] | None]) -> type[AlarmBase] | None:
    """Return which of the alarms of one message counts; None if there is none."""
    said = set(kinds)
    return next((kind for kind in _MEANINGS if kind in said), None)


def read_words(said: object) -> tuple[type[AlarmBase] | None, bool]:
    """Return the alarm in a field that holds nothing but alarms, and whether that is in doubt.

    It is a text with commas, a list of words, or an object whose members are alarms that are on or off. Of
    several the strongest counts. A word that nobody knows is taken for a panic: in doubt.
    """
    words = [word for word in map(plain, _words_in(said)) if word not in _NONE]
    known = strongest(KINDS.get(word) for word in words)
    if all(word in KINDS or word in _NOT_OURS for word in words):
        return known, False
    kind = strongest((known, reports.PanicPressed))
    return kind, kind is not known


def _words_in(said: object, depth: int = _DEEPEST) -> list[str]:
    if isinstance(said, list) and depth:
        return [word for one in said for word in _words_in(one, depth - 1)]
    if isinstance(said, dict) and depth:
        return [word for name, value in said.items() for word in _words_of(name, value, depth - 1)]
    if isinstance(said, list | dict):
        return [_TOO_DEEP]
    return [] if said is None else str(said).replace(";", ",").split(",")


def _words_of(name: str, value: object, depth: int) -> list[str]:
    """Return the words of an object's member that is on: its name, unless the word is what stands there."""
    words = [word for word in _words_in(value, depth) if plain(word) not in _NONE]
    is_switch = plain(name) in KINDS or plain(name) in _NOT_OURS or value is True or value == 1
    return [name] if words and is_switch else words

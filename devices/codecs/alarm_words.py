"""Alarm words: what other systems call an alarm, and which of ours it is.

The names are Traccar's (`Position.ALARM_*`), which also OsmAnd clients send, and what people write.
"""

from devices import reports
from devices.reports import AlarmBase

_MEANINGS: dict[type[AlarmBase], str] = {
    reports.PanicPressed: "sos panic help emergency mayday 求救 报警 紧急 紧急报警 一键报警",
    reports.DuressSignalled: "duress hostage 胁迫",
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


def plain(said: str) -> str:
    """Return `said` without case, blanks, hyphens and underscores."""
    return said.strip().lower().replace("_", "").replace("-", "").replace(" ", "")


def meant(said: str) -> type[AlarmBase] | None:
    """Return the alarm that a free text is, if it is nothing but a word for one."""
    return KINDS.get(plain(said))


def read_words(said: str) -> tuple[type[AlarmBase] | None, bool]:
    """Return the alarm in a field that holds nothing but alarms, and whether that is in doubt.

    Several are separated by commas. A word that nobody knows is taken for a panic: in doubt.
    """
    words = [word for word in map(plain, said.replace(";", ",").split(",")) if word not in _NONE]
    for word in words:
        if word in KINDS:
            return KINDS[word], False
    if any(word not in _NOT_OURS for word in words):
        return reports.PanicPressed, True
    return None, False

"""Reference rules: what others do, small and stateful as they are, to be scored beside ours."""

from safety.bench.recording import Crossing, Reading, Recording

BUFFER_M = 25.0
UNKNOWN_ACCURACY_M = 50.0


def set_difference(recordings: list[Recording]) -> list[list[Crossing]]:
    """Traccar's rule: outside in this position and inside in the one before is an exit."""
    return [_crossings(recording, gated=False) for recording in recordings]


def accuracy_gated(recordings: list[Recording]) -> list[list[Crossing]]:
    """The accuracy-gated rule: an exit when distance − accuracy > radius + buffer; back when within."""
    return [_crossings(recording, gated=True) for recording in recordings]


def _crossings(recording: Recording, *, gated: bool) -> list[Crossing]:
    was: bool | None = None
    found: list[Crossing] = []
    for reading in recording.readings:
        out = _out(recording, reading, gated=gated)
        if out is None:
            continue
        if was is not None and out != was:
            found.append(Crossing(reading.received_ms, out))
        was = out
    return found


def _out(recording: Recording, reading: Reading, *, gated: bool) -> bool | None:
    outside_m = recording.edge.outside_by_m(reading.lat, reading.lon)
    if not gated or outside_m <= 0:
        return outside_m > 0
    accuracy_m = UNKNOWN_ACCURACY_M if reading.accuracy_m is None else reading.accuracy_m
    return True if outside_m - accuracy_m > BUFFER_M else None

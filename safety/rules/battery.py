"""Battery: when a charge is low, and when it will be empty if it goes on falling as it does."""

from safety.domain.limits import Limits
from safety.rules.device import Battery, DeviceState

RISE_PCT = 1.0
"""A charge that rises by this much is being charged: gauges waver by less."""

SPACING_MS = 3 * 60_000
SAMPLES = 6
"""The trend is taken from so many values, so far apart at least: a quarter of an hour and more."""

MIN_SPAN_MS = 10 * 60_000
MIN_FALL_PCT = 3.0
"""Less time or less of a fall says nothing about when it will be empty."""

Value = str | int | float | bool | None


def take_in(state: DeviceState, pct: float, told_ms: int, received_ms: int) -> None:
    """Take in a charge that was told; what is older than the newest, or repeats it, changes nothing."""
    told_ms = min(told_ms, received_ms)
    known = state.battery
    if known is None:
        state.battery = Battery(pct, told_ms, samples=[(told_ms, pct)])
        return
    if told_ms <= known.told_ms:
        return
    known.told_ms = told_ms
    lowest = min(known.samples[-1][1], known.pct)
    if pct >= lowest + RISE_PCT or (known.rising and pct >= known.pct):
        known.rising = True
        known.samples = [(told_ms, pct)]
    elif pct != known.pct:
        known.rising = False
        if told_ms - known.samples[-1][0] >= SPACING_MS:
            known.samples = [*known.samples, (told_ms, pct)][-SAMPLES:]
    known.pct = pct


def empty_in_s(battery: Battery) -> float | None:
    """Return in how many seconds it will be empty, by the trend; None if it does not fall clearly."""
    (from_ms, from_pct), (until_ms, until_pct) = battery.samples[0], battery.samples[-1]
    fall_pct, span_ms = from_pct - until_pct, until_ms - from_ms
    if battery.rising or span_ms < MIN_SPAN_MS or fall_pct < MIN_FALL_PCT:
        return None
    return round(battery.pct * span_ms / fall_pct / 1000)


def trend_pct_h(battery: Battery) -> float | None:
    """Return by how much the charge changes in an hour, below zero when it falls; None: not known yet."""
    (from_ms, from_pct), (until_ms, until_pct) = battery.samples[0], battery.samples[-1]
    if battery.rising or until_ms - from_ms < MIN_SPAN_MS:
        return None
    return round((until_pct - from_pct) * 3_600_000 / (until_ms - from_ms), 2)


def is_low(battery: Battery | None, limits: Limits) -> bool:
    """Tell whether people should know; not while it is being charged."""
    if battery is None or battery.rising:
        return False
    left_s = empty_in_s(battery)
    return battery.pct <= limits.battery_low_pct or (left_s is not None and left_s <= limits.battery_empty_s)


def is_well(battery: Battery | None, limits: Limits) -> bool:
    """Tell whether it is well again: clearly above the limit, and not about to be empty."""
    if battery is None or battery.pct < limits.battery_clear_pct:
        return False
    left_s = empty_in_s(battery)
    return left_s is None or left_s > 2 * limits.battery_empty_s


def why(battery: Battery, limits: Limits) -> dict[str, Value]:
    """Return what decided."""
    left_s = empty_in_s(battery)
    return {
        "how": "low" if battery.pct <= limits.battery_low_pct else "empty_soon",
        "battery_pct": battery.pct,
        "low_pct": limits.battery_low_pct,
        "empty_in_s": left_s,
        "empty_limit_s": limits.battery_empty_s,
    }

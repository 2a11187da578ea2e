"""The corpus: messages that no device should send, each with a number in it by which it can be found again.

A recipe becomes bytes only when it is told its number, so that a message cut in half still differs from all
others. The number stands in `seq`, in `time` and in `lat`: a recipe spoils one of them at most, or all.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from devices.topics import CHANNELS

Build = Callable[[int, int], bytes]
"""From a number and the epoch ms of number 0 to a payload."""

BIG_BYTES = 2 * 1024 * 1024
FIRST_NUMBER = 7_000_000
"""Far from what a generator likes, so that no spoilt value is some other message's number."""


class Recipe(NamedTuple):
    """One message to be: its topic with `{own}` and `{other}` for device ids, and how its payload is made."""

    topic: str
    build: Build


def lat_of(number: int) -> float:
    """Return the latitude that stands for `number`."""
    return 30 + number / 1e7


def good(channel: str, number: int, zero_ms: int) -> dict[str, str]:
    """Return a message of `channel` that is as it should be: JSON texts by key."""
    place = {"lat": repr(lat_of(number)), "lon": "121.4", "accuracy_m": "9"}
    fix = json.dumps({"lat": lat_of(number), "lon": 121.4, "accuracy_m": 9})
    fields = {
        "location": place,
        "alarm": {"kind": '"panic"', "id": f'"a{number}"', "fix": fix},
        "event": {"kind": '"check_in"', "visit": '"vis_1"', "fix": fix},
        "status": {"state": '"online"', "battery": "80", "firmware": '"1.0"'},
        "record": {"kind": '"step"', "visit": '"vis_1"', "code": '"wash"'},
    }
    return {"seq": str(number), "time": str(zero_ms + number), **fields[channel]}


def _text(fields: dict[str, str]) -> bytes:
    inside = ", ".join(f'"{key}": {value}' for key, value in fields.items())
    return b"{%s}" % inside.encode("utf-8", "surrogatepass")


# ---------------------------------------------------------------------------------- ways to spoil a message


def cut(channel: str, part: float) -> Build:
    def build(number: int, zero_ms: int) -> bytes:
        whole = _text(good(channel, number, zero_ms))
        return whole[: int(len(whole) * part)]

    return build


def other_value(channel: str, key: int, value: str) -> Build:
    def build(number: int, zero_ms: int) -> bytes:
        fields = good(channel, number, zero_ms)
        fields[list(fields)[key % len(fields)]] = value
        return _text(fields)

    return build


def missing(channel: str, key: int) -> Build:
    def build(number: int, zero_ms: int) -> bytes:
        fields = good(channel, number, zero_ms)
        del fields[list(fields)[key % len(fields)]]
        return _text(fields)

    return build


def twice(channel: str, key: int, value: str) -> Build:
    def build(number: int, zero_ms: int) -> bytes:
        fields = good(channel, number, zero_ms)
        again = list(fields)[key % len(fields)]
        return _text(fields)[:-1] + f', "{again}": {value}}}'.encode()

    return build


def around(channel: str, before: bytes, after: bytes) -> Build:
    return lambda number, zero_ms: before + _text(good(channel, number, zero_ms)) + after


def inside(channel: str, part: float, noise: bytes) -> Build:
    def build(number: int, zero_ms: int) -> bytes:
        whole = _text(good(channel, number, zero_ms))
        at = int(len(whole) * part)
        return whole[:at] + noise + whole[at:]

    return build


def some_of_many(channel: str, values: list[str]) -> Build:
    def build(number: int, zero_ms: int) -> bytes:
        return b"[" + b", ".join([_text(good(channel, number, zero_ms)), *map(str.encode, values)]) + b"]"

    return build


def as_it_is(payload: bytes) -> Build:
    return lambda number, zero_ms: payload


def padded(channel: str) -> Build:
    def build(number: int, zero_ms: int) -> bytes:
        return _text({**good(channel, number, zero_ms), "padding": '"%s"' % ("x" * BIG_BYTES)})

    return build


# ---------------------------------------------------------------------------------- what to spoil it with

_DEEP = "[" * 5_000 + "]" * 5_000
NASTY = (
    *("NaN", "-NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e-400", "-0.0", "0.1e1", "1" * 400, "-1"),
    *(
        str(2**31),
        str(2**53 + 1),
        str(2**63),
        str(2**64),
        str(-(2**63)),
        "9" * 5_000,
        "0x10",
        "01",
        "+1",
        ".5",
    ),
    *(
        "true",
        "null",
        "nul",
        "undefined",
        "''",
        '""',
        '"\\ud800"',
        '"\\u0000"',
        '"\\x"',
        '"\x01"',
        '"\u202e"',
    ),
    *("[]", "{}", "[[]]", "{}{}", _DEEP, '{"a":' * 900 + "1" + "}" * 900, '"%s"' % ("y" * 70_000)),
    *(
        '"2026-13-45T99:99:99Z"',
        '"2026-01-01T00:00:00"',
        '"0000-01-01T00:00:00Z"',
        '"1e3"',
        '"9999999999999"',
    ),
    *("-90.0000001", "180.1", "1e308", '"31.2"', '"panic\\u0000"', "[1, 2, 3]", '{"lat": {"lat": 1}}'),
)
WRONG_TOPICS = (
    *(f"vigil/v1/{{other}}/{channel}" for channel in sorted(CHANNELS)),
    *(
        "vigil/v1/{own}/down",
        "vigil/v1/{other}/down",
        "vigil/v1/{own}/bogus",
        "vigil/v1/{own}",
        "vigil/v1//alarm",
    ),
    *("vigil/v1/{own}/alarm/", "vigil/v1/{own}/alarm/x", "/vigil/v1/{own}/alarm", "vigil/v1/{own}/Alarm"),
    *(
        "vigil/v2/{own}/alarm",
        "VIGIL/V1/{own}/alarm",
        "vigil/v1/{own} /alarm",
        "vigil/v1/../alarm",
        "a",
        "/",
        "//",
    ),
    *(
        "$SYS/broker/clients",
        "$vigil/broker",
        "$vigil/refused/{other}/vigil/v1/{other}/alarm",
        "$share/g/vigil",
    ),
    *(
        "vigil/v1/\u62a5\u8b66/alarm",
        "\U0001f6a8",
        "vigil/v1/{own}/\x01alarm",
        "vigil/v1/" + "d" * 3_000 + "/alarm",
    ),
)

_part = st.floats(0, 1)
_key = st.integers(0, 9)
_plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
_value = st.sampled_from(NASTY) | _plain.map(json.dumps)
_noise = st.binary(min_size=1, max_size=6) | st.sampled_from(
    (b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\0", b"\\")
)
# An object may be a good message without a number, found in our own sources: those are made by other recipes.
_bytes = st.binary(max_size=60).filter(lambda payload: not payload.lstrip().startswith(b"{"))


def _spoilt(channel: str) -> st.SearchStrategy[Build]:
    this = st.just(channel)
    return st.one_of(
        st.builds(cut, this, _part),
        st.builds(other_value, this, _key, _value),
        st.builds(other_value, this, _key, _value),
        st.builds(missing, this, _key),
        st.builds(twice, this, _key, _value),
        st.builds(around, this, st.sampled_from((b"\xef\xbb\xbf", b"[", b"\n", b"x", b"\0")), st.just(b"")),
        st.builds(around, this, st.just(b""), _noise),
        st.builds(inside, this, _part, _noise),
        st.builds(some_of_many, this, st.lists(_value, min_size=1, max_size=5)),
        st.builds(as_it_is, st.just(b"") | _bytes | _plain.map(lambda v: json.dumps([v]).encode())),
    )


# Made once: a strategy that is made anew for each example costs ten times the example.
_spoilt_by_channel = {channel: _spoilt(channel) for channel in sorted(CHANNELS)}
_own = st.one_of(
    *(
        st.builds(Recipe, st.just("vigil/v1/{own}/" + name), spoilt)
        for name, spoilt in _spoilt_by_channel.items()
    )
)
_foreign = st.builds(Recipe, st.sampled_from(WRONG_TOPICS), st.one_of(*_spoilt_by_channel.values()))
_recipes = _own | _own | _own | _foreign


def corpus() -> list[Recipe]:
    """Return one message of each kind that somebody thought of: every nasty value at every key, once."""
    recipes = []
    for channel in sorted(CHANNELS):
        topic = "vigil/v1/{own}/" + channel
        recipes += [
            Recipe(topic, padded(channel)),
            Recipe(topic, as_it_is(b"")),
            Recipe(topic, cut(channel, 0.5)),
        ]
        recipes.append(Recipe(topic, around(channel, b"\xef\xbb\xbf", b"")))
        recipes += [Recipe(topic, other_value(channel, n, nasty)) for n, nasty in enumerate(NASTY)]
    recipes += [Recipe(topic, cut("alarm", 1.0)) for topic in WRONG_TOPICS]
    return recipes


def generated(count: int, number: int) -> list[Recipe]:
    """Return `count` generated recipes; the same `number` makes the same ones."""
    recipes: list[Recipe] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_recipes)
    def collect(recipe: Recipe) -> None:
        recipes.append(recipe)

    collect()
    return recipes

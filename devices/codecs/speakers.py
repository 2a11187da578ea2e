"""Speakers: who said what in a message that a gateway brings for many devices."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from devices.codecs.lenient import read_objects, salvage
from devices.errors import UnreadablePayload


class Part(NamedTuple):
    """What one device said: the names that its gateway may have for it, likeliest first, and its words."""

    names: tuple[str, ...]
    payload: bytes


Splitter = Callable[[bytes], list[Part]]
"""`parts(payload)`: raises nothing; a part that names nobody has no names."""

Called = Callable[[dict[str, Any]], Iterable[str | None]]


def parts_by(payload: bytes, called: Called, fields: tuple[str, ...]) -> list[Part]:
    """Return the parts of a JSON object or list, named by `called`.

    Of what is no JSON the one part is named by what can still be recognised of `fields`.
    """
    try:
        items = read_objects(payload, [])
    except UnreadablePayload:
        found = salvage(payload)
        return [Part(names(str(found[field]) for field in fields if field in found), payload)]
    if len(items) < 2:
        return [Part(names(called(items[0])) if items else (), payload)]
    return [Part(names(called(item)), msgspec.json.encode(item)) for item in items]


def names(said: Iterable[str | None]) -> tuple[str, ...]:
    """Return the spellings of names: each as it is, and a number without its leading zeros as well."""
    spelled: list[str] = []
    for name in said:
        if name is not None:
            bare = name.lstrip("0")
            spelled += [name, bare] if name.isdigit() and bare else [name]
    return tuple(dict.fromkeys(spelled))

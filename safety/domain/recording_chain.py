"""The chain of a recorder's segments: each names the SHA-256 of the one before, so a missing one shows.

The media stays in the recorder's own store; what is here are its manifests. Cutting out a segment, replacing
one or recording past it leaves a link that leads nowhere, or two that lead to the same place.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple

Link = Literal["first", "linked", "gap", "fork", "unchained"]
"""`first`: it begins a chain. `gap`: the one before is not here. `fork`: another one says to follow the same.

`unchained`: it does not say which one it follows, though its recorder has recorded before.
"""


class Segment(NamedTuple):
    """What the chain is made of: `previous` is the SHA-256 that `sha256` says to follow."""

    device: str
    sha256: str
    previous: str | None


def links(segments: Sequence[Segment], known: Collection[tuple[str, str]]) -> list[Link]:
    """Return how each of `segments`, oldest first, hangs on what came before.

    `known` are all segments that are stored, by device and SHA-256, those of other visits among them.
    """
    followed = Counter((one.device, one.previous) for one in set(segments) if one.previous is not None)
    have = {*known, *((one.device, one.sha256) for one in segments)}
    found: list[Link] = []
    begun: set[str] = set()
    for one in segments:
        if one.previous is None:
            found.append("unchained" if one.device in begun else "first")
        elif one.previous == one.sha256 or (one.device, one.previous) not in have:
            found.append("gap")
        else:
            found.append("fork" if followed[one.device, one.previous] > 1 else "linked")
        begun.add(one.device)
    return found


def is_intact(found: Sequence[Link]) -> bool | None:
    """Tell whether nothing is missing; None where no recorder says what its segments follow."""
    if all(link in {"first", "unchained"} for link in found):
        return None
    return all(link in {"first", "linked"} for link in found)

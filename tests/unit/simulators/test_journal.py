"""The journal: each line is there at once, and whoever waits is woken."""

import asyncio
from pathlib import Path

import msgspec

from simulators.journal import Entry, Journal


def heard(kind: str, at_ms: int = 0) -> Entry:
    return Entry(at_ms=at_ms, device="dev_1", what="heard", channel="down", kind=kind)


def test_each_entry_is_a_line_as_soon_as_it_is_added(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with path.open("ab", buffering=0) as sink:
        journal = Journal(sink)
        for number in range(3):
            journal.add(heard("locate", number))
            lines = path.read_bytes().splitlines()
            assert [msgspec.json.decode(line, type=Entry).at_ms for line in lines] == list(range(number + 1))
    assert journal.counts["heard", "down"] == 3


async def test_the_past_counts_for_wait_for_and_not_for_next_where() -> None:
    journal = Journal()
    journal.add(heard("locate", 1))
    assert (await journal.wait_for(lambda entry: entry.kind == "locate")).at_ms == 1
    coming = asyncio.ensure_future(journal.next_where(lambda entry: entry.kind == "locate"))
    others = [
        asyncio.ensure_future(journal.next_where(lambda entry: entry.kind == "message")) for _ in range(2)
    ]
    await asyncio.wait([coming], timeout=0)
    journal.add(heard("locate", 2))
    assert (await coming).at_ms == 2
    journal.add(heard("message", 3))
    assert [(await other).at_ms for other in others] == [3, 3]


async def test_listeners_hear_each_entry() -> None:
    journal, listened = Journal(), list[Entry]()
    journal.listen(listened.append)
    journal.add(heard("locate"))
    assert listened == [heard("locate")]
    assert list(journal) == listened
    assert len(journal) == 1

"""Turns: of several processes that could do one thing, who does it.

The holder beats. Nobody compares clocks: who waits takes the turn once the beat has stood still for longer
than a holder that lives could let it, by the waiter's own clock.
"""

from sqlalchemy import Connection, select

from safety.store.once import insert_once
from safety.store.tables import turns


def beat_of(connection: Connection, name: str) -> tuple[str | None, int]:
    """Return who holds the turn `name` (None: nobody does), and the beat."""
    row = connection.execute(select(turns.c.holder, turns.c.beat).where(turns.c.name == name)).first()
    return (None, 0) if row is None else (row.holder, int(row.beat))


def take_turn(connection: Connection, name: str, holder: str, seen_beat: int) -> bool:
    """Make the turn `holder`'s, unless somebody has beaten since `seen_beat` was; tell whether it is now."""
    insert_once(connection, turns, [{"name": name, "holder": None, "beat": 0}])
    taking = turns.update().where(turns.c.name == name, turns.c.beat == seen_beat)
    return connection.execute(taking.values(holder=holder, beat=turns.c.beat + 1)).rowcount == 1


def keep_turn(connection: Connection, name: str, holder: str) -> bool:
    """Beat once; False: somebody else has the turn."""
    keeping = turns.update().where(turns.c.name == name, turns.c.holder == holder)
    return connection.execute(keeping.values(beat=turns.c.beat + 1)).rowcount == 1


def give_turn_back(connection: Connection, name: str, holder: str) -> None:
    """Let the next one begin at once."""
    mine = turns.update().where(turns.c.name == name, turns.c.holder == holder)
    connection.execute(mine.values(holder=None, beat=turns.c.beat + 1))

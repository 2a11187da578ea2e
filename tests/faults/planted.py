"""A part of Vigil with a bug planted in it, as a program: `planted.py BUG PART …`, else like `vigil PART …`.

Each bug is one that a checker of histories is there for; see `test_parts_planted.py`.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection

from ingest.log import kafka
from ingest.log.port import NewEntry
from safety import effect_writer, engine, runner
from safety.cli.main import main
from safety.rules.effects import Effect, RaiseAlert
from safety.store.effects import store_effects

_LATE_S = 1.5


def acknowledge_before_append() -> None:
    """Call what is still on its way to the log durable."""
    append = kafka.KafkaEventLog.append
    under_way: set[asyncio.Task[None]] = set()

    async def at_once(log: kafka.KafkaEventLog, topic: str, entries: Sequence[NewEntry]) -> None:
        async def later() -> None:
            await log._clock.sleep_s(_LATE_S)
            await append(log, topic, entries)

        under_way.add(task := asyncio.create_task(later()))
        task.add_done_callback(under_way.discard)

    kafka.KafkaEventLog.append = at_once  # type: ignore[method-assign, assignment]  # the bug


def offsets_before_effects() -> None:
    """Move on, and write checkpoints, with the last alert that was raised still in hand."""
    store = store_effects
    in_hand: list[Effect] = []

    def one_alert_late(connection: Connection, effects: Sequence[Effect], *more: Any) -> bool:
        raised = [effect for effect in effects if isinstance(effect, RaiseAlert)]
        others = [effect for effect in effects if not isinstance(effect, RaiseAlert)]
        before = list(in_hand)
        if raised:
            in_hand[:] = raised
        return store(connection, [*(before if raised else ()), *others], *more)

    assert hasattr(effect_writer, store.__name__)
    setattr(effect_writer, store.__name__, one_alert_late)
    runner.CHECKPOINT_EVERY_S = 0.0


def random_alert_ids() -> None:
    """Give each alert an id that nobody can derive again."""
    run = engine.AlarmEngine.run

    def with_random_ids(alarms: engine.AlarmEngine, records: Any, failed: Any) -> list[Effect]:
        return [
            msgspec.structs.replace(effect, id=str(uuid4())) if isinstance(effect, RaiseAlert) else effect
            for effect in run(alarms, records, failed)
        ]

    engine.AlarmEngine.run = with_random_ids  # type: ignore[method-assign, assignment]  # the bug


BUGS: dict[str, Callable[[], None]] = {
    bug.__name__: bug for bug in (acknowledge_before_append, offsets_before_effects, random_alert_ids)
}

if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    main()

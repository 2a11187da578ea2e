"""Stopping: whoever loses a cancellation is told again."""

import asyncio

from safety.running import end


async def test_a_task_that_loses_its_cancellation_ends_all_the_same() -> None:
    lost: list[int] = []
    begun = asyncio.Event()

    async def deaf() -> None:
        begun.set()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if len(lost) == 2:
                    raise
                lost.append(1)

    async def willing() -> None:
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(willing()), asyncio.create_task(deaf())]
    await begun.wait()
    await end(tasks, within_s=0.01)
    assert len(lost) == 2
    assert all(task.cancelled() for task in tasks)

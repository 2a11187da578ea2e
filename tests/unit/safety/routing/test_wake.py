"""Waking the worker from a thread, as the API's requests do."""

import asyncio
from functools import partial
from pathlib import Path

from safety.store.database import database_url
from tests.support.paging import Desk
from tests.support.waiting import eventually


async def test_it_may_be_woken_from_any_thread(tmp_path: Path) -> None:
    desk = Desk(database_url(tmp_path))
    try:
        desk.policy((0, [desk.responder("ann")]))

        def told(count: int) -> bool:
            return len(desk.channel.sent) == count

        # Only then does the loop notice that something of its own was touched from outside.
        asyncio.get_running_loop().set_debug(True)
        async with asyncio.TaskGroup() as tasks:
            worker = tasks.create_task(desk.worker.run())
            for number in range(3):
                desk.raises(nurse=f"nur_{number}")
                await asyncio.to_thread(desk.worker.wake)
                await eventually(partial(told, number + 1))
            worker.cancel()
        desk.worker.wake()
    finally:
        desk.close()

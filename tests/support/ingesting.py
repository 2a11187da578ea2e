"""Ingesting: subscribers that read their broker while the body of a test runs."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

from ingest.subscriber import Subscriber
from tests.support.waiting import PATIENCE_S


@asynccontextmanager
async def ingesting(
    *subscribers: Subscriber, beside: Sequence[Coroutine[Any, Any, None]] = ()
) -> AsyncIterator[None]:
    """Run `subscribers`, connected when the body begins, and what is to run `beside` them."""
    tasks = [asyncio.create_task(part) for part in (*(one.run() for one in subscribers), *beside)]
    try:
        for subscriber in subscribers:
            await asyncio.wait_for(subscriber.until_connected(), PATIENCE_S)
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

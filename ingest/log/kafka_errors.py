"""What Kafka's client raises, as errors of the log's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.errors import KafkaError

from ingest.errors import LogUnavailable


@asynccontextmanager
async def asking_kafka(doing: str, timeout_s: float) -> AsyncIterator[None]:
    """Turn what Kafka's client raises while `doing`, or no answer within `timeout_s`, into LogUnavailable.

    The client tries again by itself and by the wall clock, so this deadline is the wall clock's as well.
    """
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except (KafkaError, OSError, TimeoutError) as error:
        raise LogUnavailable(f"{doing}: {str(error) or type(error).__name__}") from error

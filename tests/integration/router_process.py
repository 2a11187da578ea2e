"""A routing worker in a process of its own, to be killed at any instant.

Webhooks go out as they do in service; each command is printed once the device has been told.
"""

import asyncio
import os
import sys

from devices.clock import SystemClock
from devices.commands import Command
from safety.routing.channels import standard_channels
from safety.routing.worker import RoutingWorker
from safety.store.database import Database


class PrintingSender:
    """Tells a device by printing `told` and the command's id."""

    async def send(self, command: Command) -> None:
        # One unbuffered write: what was printed before the kill is in the pipe, whole lines only.
        os.write(sys.stdout.fileno(), f"told {command.id}\n".encode())


async def main(url: str) -> None:
    database = Database(url)
    await RoutingWorker(database, SystemClock(), PrintingSender(), standard_channels(), lambda: None).run()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

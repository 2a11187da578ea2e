"""RoutePart: people told of alerts, devices told of what became of theirs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from devices.identity import new_id
from ingest.address import BrokerAddress
from ingest.downlink import Downlink
from ingest.log.sqlite_file import lock_file
from safety.parts.part import Ground, Tasks
from safety.routing.channels import standard_channels
from safety.routing.metrics import RoutingMetrics
from safety.routing.worker import RoutingWorker

LEASE_S = 6.0
"""How long what one of several workers has taken is left to it after it was last heard of."""


@contextmanager
def routing(ground: Ground) -> Iterator[None]:
    """Keep those who route without leases, alone in `vigil up`, from those who share the store by leases.

    Raises:
        LogInUse: another process routes here already.
    """
    if ground.settings.database_url is not None:
        yield  # there everybody has leases
        return
    doing = f"alerts of {ground.data_dir} are routed"
    with lock_file(ground.data_dir / "route.lock", doing, shared=not ground.alone):
        yield


class RoutePart:
    """Does what the store says is due; several may, in processes of their own.

    `address` is the broker; `link_base` the console's URL in notices.
    """

    def __init__(self, ground: Ground, address: BrokerAddress, link_base: str) -> None:
        # Two clients of one id would cut each other off for ever.
        suffix = "" if ground.alone else f"-{new_id('rte')}"
        self._downlink = Downlink(address, ground.clock, suffix=suffix)
        self._routing = RoutingWorker(
            ground.database,
            ground.clock,
            self._downlink,
            standard_channels(),
            ground.wakes.wake,
            link_base=link_base,
            lease_s=None if ground.alone else LEASE_S,
            metrics=RoutingMetrics(ground.metrics),
        )
        ground.wakes.tell(self._routing.wake)

    async def open(self) -> None:
        """Everything it must know is in the store."""

    def tasks(self) -> Tasks:
        """Return the worker, and its connection to the broker."""
        return [("routing", self._routing.run()), ("downlink", self._downlink.run())]

    async def until_ready(self) -> None:
        """Wait until devices can be told things."""
        await self._downlink.until_connected()

    async def close(self) -> None:
        """What was under way is in the store, and due again."""

    async def check(self) -> Mapping[str, str]:
        """Return whether devices can be told things."""
        return {"routing": "ok" if self._downlink.connected else "devices cannot be told"}

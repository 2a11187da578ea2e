"""The live feed's figures for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from safety.api.clients import Audience


class LiveMetrics:
    """Clients, frames, and what went wrong; on a registry of its own where none is given."""

    def __init__(self, registry: CollectorRegistry | None, audience: Audience) -> None:
        registry = registry or CollectorRegistry()
        clients = Gauge("vigil_live_clients", "Open connections of the live feed", registry=registry)
        clients.set_function(lambda: len(audience))
        queued = Gauge("vigil_live_queued", "Frames that wait for clients to read them", registry=registry)
        queued.set_function(audience.queued)
        self.stalled = Counter(
            "vigil_live_stalled", "Clients given up because they had stopped reading", registry=registry
        )
        self.read_failures = Counter(
            "vigil_live_read_failures", "Readings of the store that failed", registry=registry
        )

"""GatewayMetrics: what came over HTTP and what became of it, for Prometheus."""

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge


class GatewayMetrics:
    """Counters registered with `registry`, which `/metrics` renders."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.requests = Counter(
            "vigil_gateway_requests_total",
            "Requests of devices and gateways, by gateway and what became of them.",
            ["gateway", "outcome"],
            registry=registry,
        )

    def gauge_inside(self, inside: Callable[..., int]) -> None:
        """Show how many requests are in admission, the urgent ones apart."""
        gauge = Gauge(
            "vigil_gateway_requests_inside",
            "Requests of devices in admission just now, by urgency.",
            ["urgency"],
            registry=self._registry,
        )
        for label, urgent in (("urgent", True), ("ordinary", False)):
            gauge.labels(label).set_function(partial(inside, urgent=urgent))

"""RoutingMetrics: what routing counts and times, for Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# From a page that goes out at once to one that is given up.
_WAIT_BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class RoutingMetrics:
    """Counters, gauges and histograms registered with `registry`, which `/metrics` renders."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.decisions = Counter(
            "vigil_routing_decisions_total",
            "Decisions of the escalation ladder, by reason.",
            ["reason"],
            registry=registry,
        )
        self.notifications = Counter(
            "vigil_routing_notifications_total",
            "Attempts to tell a responder, by what became of them: sent, delayed, failed, stopped.",
            ["outcome"],
            registry=registry,
        )
        self.notice_wait_s = Histogram(
            "vigil_routing_notice_wait_seconds",
            "From the decision to tell a responder until a channel took it.",
            buckets=_WAIT_BUCKETS_S,
            registry=registry,
        )
        self.commands = Counter(
            "vigil_routing_commands_total",
            "Attempts to tell a device, by what became of them: sent, delayed, given_up.",
            ["outcome"],
            registry=registry,
        )
        self._in_flight = Gauge(
            "vigil_routing_in_flight",
            "Notifications and devices being told just now, by kind.",
            ["kind"],
            registry=registry,
        )

    def gauge_in_flight(self, kind: str, count: Callable[[], float]) -> None:
        """Show what `count` returns as the number of `kind` on their way."""
        self._in_flight.labels(kind).set_function(count)

"""IngestMetrics: what ingest counts and times, for Prometheus."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from ingest.lanes import DEAD_LETTERS, LANES
from ingest.log.sqlite import SqliteEventLog

# From one fsync of a good disk to one of a disk in trouble.
_APPEND_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class IngestMetrics:
    """Counters and histograms registered with `registry`, which `/metrics` renders."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.messages = Counter(
            "vigil_ingest_messages_total",
            "Messages taken in, by channel.",
            ["channel"],
            registry=registry,
        )
        self.events = Counter(
            "vigil_ingest_events_total",
            "Events made durable, by lane.",
            ["lane"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "vigil_ingest_dead_letters_total",
            "Messages or parts of them that were not admitted, by reason.",
            ["reason"],
            registry=registry,
        )
        self.duplicates = Counter(
            "vigil_ingest_duplicates_total",
            "Reports dropped because the very same one was logged a moment before.",
            registry=registry,
        )
        self.append_s = Histogram(
            "vigil_ingest_append_seconds",
            "Time until an append was durable, by lane.",
            ["lane"],
            buckets=_APPEND_BUCKETS_S,
            registry=registry,
        )

    def count_refusals(self, sources: Sequence[Callable[[], Mapping[str, int]]]) -> None:
        """Show what `sources` have counted together, by reason."""
        self._registry.register(_Refusals(sources))

    def gauge_queues(self, log: SqliteEventLog) -> None:
        """Show how many appends wait for each of `log`'s writers."""
        queued = Gauge(
            "vigil_ingest_log_queued_appends",
            "Appends that wait for the log's writer, by topic.",
            ["topic"],
            registry=self._registry,
        )
        for topic in (*LANES, DEAD_LETTERS):
            queued.labels(topic).set_function(partial(log.queued, topic))


class _Refusals(Collector):
    """What a broker refused, counted there."""

    def __init__(self, sources: Sequence[Callable[[], Mapping[str, int]]]) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "vigil_refusals", "What devices were refused by the broker, by reason.", labels=["reason"]
        )
        counted: dict[str, int] = {}
        for source in self._sources:
            for reason, count in source().items():
                counted[reason] = counted.get(reason, 0) + count
        for reason, count in counted.items():
            family.add_metric([reason], count)
        yield family

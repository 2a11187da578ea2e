"""Kafka's topics are made from one table, and mended to it, whatever somebody did by hand."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devices.clock import SystemClock
from ingest.errors import LogError, LogUnavailable
from ingest.log.kafka import KafkaEventLog
from ingest.log.kafka_servers import KafkaServers
from ingest.log.kafka_topics import log_topics, prepare_topics
from tests.support.brokers import free_port
from tests.support.kafka import Kafka
from tests.support.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.integration

CLOCK = SystemClock()


async def set_by_hand(servers: KafkaServers, topic: str, config: Mapping[str, str]) -> None:
    admin = AIOKafkaAdminClient(**servers.options())
    await admin.start()
    resource = ConfigResource(ConfigResourceType.TOPIC, servers.name(topic), configs=dict(config))
    await admin.alter_configs([resource])
    await admin.close()


async def test_topics_are_made_once_and_mended(kafka_cluster: Kafka) -> None:
    servers = KafkaServers.parse(kafka_cluster.url, "mended.")
    made = await prepare_topics(servers, CLOCK, log_topics(2, 30))
    assert made == [f"topic mended.{name} created" for name in ("alarms", "telemetry", "dead_letters")]
    assert await prepare_topics(servers, CLOCK, log_topics(2, 30)) == []
    log = await KafkaEventLog.open(servers, CLOCK)
    assert log.partitions("alarms") == 2
    await log.close()

    async def prepared() -> list[str]:
        return await prepare_topics(servers, CLOCK, log_topics(2, 30))

    async def nothing_to_do() -> bool:
        return await prepared() == []

    await set_by_hand(servers, "alarms", {"retention.ms": "1000", "flush.ms": "5000"})
    # A node tells of a change a moment after it was made.
    mended = await eventually(prepared, what="the change is seen")
    assert "topic mended.alarms: retention.ms is now 2592000000" in mended
    assert "topic mended.alarms: min.insync.replicas is now 1" not in mended  # what it is without being set
    assert not [said for said in mended if "flush.ms" in said or "telemetry" in said]
    await eventually(nothing_to_do, what="the mending is seen")


async def test_another_number_of_partitions_is_refused(kafka_cluster: Kafka) -> None:
    servers = KafkaServers.parse(kafka_cluster.url, "fixed.")
    await prepare_topics(servers, CLOCK, log_topics(2, 30))
    with pytest.raises(LogError, match=r"has 2 partitions, not 3: .* set kafka_partitions to 2"):
        await prepare_topics(servers, CLOCK, log_topics(3, 30))


async def test_a_log_without_topics_says_what_to_do(kafka_cluster: Kafka) -> None:
    with pytest.raises(LogError, match=r"no topic nobody\.alarms; run `vigil init` first"):
        await KafkaEventLog.open(KafkaServers.parse(kafka_cluster.url, "nobody."), CLOCK)


async def test_a_kafka_that_is_not_there_is_unavailable() -> None:
    place = f"127.0.0.1:{free_port()}"
    with pytest.raises(LogUnavailable, match=f"Kafka cannot be reached at {place}: .*Connect call failed"):
        await KafkaEventLog.open(KafkaServers.parse(f"kafka://{place}"), CLOCK)


def test_init_makes_the_topics(kafka_cluster: Kafka, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    settings = f'kafka_url = "{kafka_cluster.url}"\nkafka_prefix = "told."\nkafka_partitions = 2\n'
    (data / "vigil.toml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "safety.cli", "init", "--data-dir", str(data)]
    first, second = (
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        for _ in range(2)
    )
    assert "topic told.telemetry created" in first.stdout
    assert "created" not in second.stdout
    assert second.stdout.splitlines()[-1].startswith("the topics on 127.0.0.1:")

"""A real Apache Kafka for tests: KRaft nodes of one machine, out of jars that Maven fetched once.

The jars are kept in the user's cache folder, a folder for each version that `tests/kafka/pom.xml` has named.
A node starts in two to three seconds: one compiler tier, few threads, few internal partitions.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from devices.clock import SystemClock
from ingest.log.kafka_servers import KafkaServers
from ingest.log.kafka_topics import log_topics, prepare_topics
from tests.support.brokers import free_port
from tests.support.place import HERE, Place
from tests.support.requires import missing, require
from tests.support.waiting import wait_until

_POM: Final = Path(__file__).parents[1] / "kafka" / "pom.xml"
_FETCH_TIMEOUT_S: Final = 240
_START_TIMEOUT_S: Final = 120
_KEEP_DAYS: Final = 36_500.0  # tests have clocks of their own, and Kafka has not
_CLUSTER_ID: Final = "dmlnaWwgdGVzdHMgMDAwMA"
_numbers: Final = itertools.count()
_JAVA: Final = ("-Xmx256m", "-Xss512k", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")

_LOGGING: Final = """\
Configuration:
  Appenders:
    Console:
      name: STDOUT
      PatternLayout:
        pattern: "%d %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: STDOUT
"""


def kafka_jars() -> Path:
    """Return the folder with Kafka's jars, fetched now if they are not there yet.

    Without Java or Maven the calling test is skipped by name, or fails in CI.
    """
    require("java")
    version = re.search(r"<kafka\.version>(.+?)</kafka\.version>", _POM.read_text(encoding="utf-8"))
    assert version is not None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vigil"
    jars = cache / f"kafka-{version[1]}"
    if jars.is_dir():
        return jars
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.is_dir():
            _fetch(jars)
    return jars


def _fetch(jars: Path) -> None:
    maven = require("mvn")
    half = jars.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    command = [
        str(maven),
        "-q",
        "-B",
        "-f",
        str(_POM),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={half}",
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_FETCH_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        missing("kafka", f"Maven could not fetch it: {error.stdout.decode(errors='replace')[-500:]}")
    except subprocess.TimeoutExpired:
        missing("kafka", f"Maven could not fetch it within {_FETCH_TIMEOUT_S} s")
    half.rename(jars)


class KafkaNode:
    """One node, broker and controller in one; it keeps its data over `stop`, `kill` and `start`."""

    def __init__(
        self, directory: Path, number: int, place: Place, port: int, voters: Sequence[str], jars: Path
    ) -> None:
        self._directory = directory
        self._jars = jars
        self._process: subprocess.Popen[bytes] | None = None
        self._place = place
        self.number = number
        self.port = port
        directory.mkdir(parents=True, exist_ok=True)
        self._logging = directory / "log4j2.yaml"
        self._logging.write_text(_LOGGING, encoding="utf-8")
        self._properties = directory / "server.properties"
        self._properties.write_text(_properties(directory / "data", number, port, voters), encoding="utf-8")

    @property
    def output(self) -> Path:
        """What the node said; beside its folder, which may be a disk that is full."""
        return self._directory.with_suffix(".log")

    def prepare(self) -> None:
        """Format the node's storage."""
        command = self._command(
            "kafka.tools.StorageTool", "format", "-t", _CLUSTER_ID, "-c", str(self._properties)
        )
        subprocess.run(command, check=True, capture_output=True, timeout=_START_TIMEOUT_S)

    def start(self) -> None:
        """Start the node without waiting for it."""
        with self.output.open("ab") as output:
            # A session of its own: an interrupt of the test run must reach the test, not the node.
            self._process = subprocess.Popen(
                [*self._place.through, *ends_with_us(), *self._command("kafka.Kafka", str(self._properties))],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def until_listening(self) -> None:
        """Wait until it takes connections."""
        wait_until(self._listens, timeout_s=_START_TIMEOUT_S, what=f"Kafka node {self.number} listens")

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it stand still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it run again after `pause`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=_START_TIMEOUT_S)
            self._process = None

    def _listens(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            said = self.output.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"Kafka node {self.number} ended: {said}")
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self._place.host, self.port)) == 0

    @property
    def server(self) -> str:
        """Where clients reach it, as `host:port`."""
        return f"{self._place.host}:{self.port}"

    @property
    def runs(self) -> bool:
        """Whether its process is there, standing still or not."""
        return self._process is not None and self._process.poll() is None

    def _command(self, main: str, *arguments: str) -> list[str]:
        options = [*_JAVA, f"-Dlog4j2.configurationFile={self._logging}", "-cp", f"{self._jars}/*"]
        return [str(require("java")), *options, main, *arguments]


def ends_with_us() -> list[str]:
    """Return what a command is started through so that it ends when this process does, however that ends."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "KILL", "--"]


class Kafka:
    """A cluster of one node or of three."""

    def __init__(self, nodes: list[KafkaNode]) -> None:
        self.nodes = nodes

    @property
    def servers(self) -> str:
        """Where clients begin, as `host:port,host:port`."""
        return ",".join(node.server for node in self.nodes)

    @property
    def url(self) -> str:
        """The same as the setting `kafka_url` has it."""
        return f"kafka://{self.servers}"


@contextmanager
def kafka(directory: Path, nodes: int = 1, places: Sequence[Place] = (HERE, HERE, HERE)) -> Iterator[Kafka]:
    """Run a cluster of `nodes` nodes on free ports, its data in `directory`, each at one of `places`."""
    jars = kafka_jars()
    ports = [(free_port(), free_port()) for _ in range(nodes)]
    voters = [
        f"{number}@{place.host}:{controller}"
        for number, ((_, controller), place) in enumerate(zip(ports, places, strict=False), 1)
    ]
    made = [
        KafkaNode(directory / f"node-{number}", number, place, port, voters, jars)
        for number, ((port, _), place) in enumerate(zip(ports, places, strict=False), 1)
    ]
    try:
        with ThreadPoolExecutor(nodes) as threads:
            list(threads.map(KafkaNode.prepare, made))
        for node in made:
            node.start()
        for node in made:
            node.until_listening()
        yield Kafka(made)
    finally:
        for node in made:
            node.kill()


async def prepared(cluster: Kafka, partitions: int) -> KafkaServers:
    """Make the log's topics under a prefix that nobody has used yet; return the way to them."""
    servers = KafkaServers.parse(cluster.url, f"{next(_numbers)}.")
    await prepare_topics(servers, SystemClock(), log_topics(partitions, _KEEP_DAYS))
    return servers


def _properties(data: Path, number: int, port: int, voters: Sequence[str]) -> str:
    host, _, controller = voters[number - 1].partition("@")[2].rpartition(":")
    copies = len(voters)
    agreeing = copies // 2 + 1
    settings = {
        "process.roles": "broker,controller",
        "node.id": number,
        "controller.quorum.voters": ",".join(voters),
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 1,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": agreeing,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": agreeing,
        # Groups form at once, and a dead member is noticed as soon as a test asks for it.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 500,
        # A dead node is noticed in seconds; one that is alone is not taken for dead, however busy it is.
        "broker.session.timeout.ms": 3000 if copies > 1 else 120_000,
        "broker.heartbeat.interval.ms": 500,
        "replica.lag.time.max.ms": 3000,
        "controller.quorum.election.timeout.ms": 500,
        "controller.quorum.fetch.timeout.ms": 1000,
        "num.network.threads": 1,
        "num.io.threads": 2,
        "background.threads": 2,
        "num.recovery.threads.per.data.dir": 1,
        "log.cleaner.dedupe.buffer.size": 4_000_000,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())

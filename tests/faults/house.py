"""House: all of Vigil beyond one machine, as processes that can be killed, halted and cut off one by one.

Mosquitto, three nodes of Kafka and PostgreSQL, and two each of ingest, process, route and console.
"""

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from devices.clock import Clock
from ingest.log.kafka_servers import KafkaServers
from safety.store.database import Database
from tests.faults.disk import Disk, disk
from tests.faults.network import Network, network
from tests.faults.shift import Shift
from tests.support.brokers import Mosquitto, free_port, mosquitto
from tests.support.faults_fleet import Login, enroll_in
from tests.support.kafka import Kafka, kafka
from tests.support.parts import VIGIL, PartProcess
from tests.support.place import Place
from tests.support.postgres import Postgres
from tests.support.webhooks import FarEnd, far_end

PARTITIONS = 4
PREFIX = "house."
NURSES = 48
TIERS = (0.0, 2.0)
"""After how many seconds each tier of the ladder is told."""
PARTS = tuple(f"{part}-{number}" for part in ("ingest", "process", "route", "console") for number in (1, 2))
NODES = ("kafka-1", "kafka-2", "kafka-3")
_PLANTED = Path(__file__).with_name("planted.py")
_SHIPPED = Path(__file__).parents[2] / "deploy" / "mosquitto" / "mosquitto.conf"
_SIZES_MB = {"mosquitto": 64, "postgres": 800, "kafka": 600}
_COMMAND_TIMEOUT_S = 300


class Running(Protocol):
    """One process of the house, or a server and its children."""

    @property
    def runs(self) -> bool:
        """Whether it is there, standing still or not."""

    def pause(self) -> None:
        """Let it stand still."""

    def go_on(self) -> None:
        """Let it run again after `pause`."""


class House:
    """Everything that runs, by name; `logins` are the nurses' phones, `far_end` hears what responders do."""

    def __init__(
        self,
        net: Network,
        disks: Mapping[str, Disk],
        shifts: Mapping[str, Shift],
        broker: Mosquitto,
        cluster: Kafka,
        server: Postgres,
        parts: Mapping[str, PartProcess],
        database: Database,
        settings: Mapping[str, str],
        logins: Sequence[Login],
        far_end: FarEnd,
    ) -> None:
        self.net = net
        self.disks = disks
        self.shifts = shifts
        self.broker = broker
        self.cluster = cluster
        self.server = server
        self.parts = parts
        self.database = database
        self.settings = settings
        """What a command of Vigil's must be told to find the store and the log."""
        self.logins = list(logins)
        self.far_end = far_end

    @property
    def kafka_servers(self) -> KafkaServers:
        """How the log is reached."""
        return KafkaServers.parse(self.cluster.url, PREFIX)

    @property
    def consoles(self) -> list[str]:
        """The URLs of the consoles."""
        return [part.http_url for name, part in self.parts.items() if name.startswith("console")]

    def running(self, name: str) -> Running:
        """Return what is called `name`."""
        if name in self.parts:
            return self.parts[name]
        if name in NODES:
            return self.cluster.nodes[NODES.index(name)]
        return self.broker if name == "mosquitto" else self.server

    def kill(self, name: str) -> None:
        """Kill -9 it, with all its processes."""
        if name == "postgres":
            self.server.crash()
        elif name in self.parts:
            self.parts[name].kill()
        elif name in NODES:
            self.cluster.nodes[NODES.index(name)].kill()
        else:
            self.broker.kill()

    def has_another(self, name: str) -> bool:
        """Tell whether what is called `name` has another beside it that does the same."""
        kind = name.rpartition("-")[0]
        return any(other != name and other.startswith(f"{kind}-") for other in (*self.parts, *self.disks))

    def fill(self, name: str) -> None:
        """Leave no room on the disk of a server, and have it want some."""
        self.disks[name].fill()
        if name == "postgres":
            self.server.need_room()

    def start(self, name: str) -> None:
        """Start what has ended; returns when it is ready."""
        if name in self.parts:
            self.parts[name].start()
        elif name in NODES:
            self.cluster.nodes[NODES.index(name)].start()
            self.cluster.nodes[NODES.index(name)].until_listening()
        elif name == "mosquitto":
            self.broker.start()
        else:
            self.server.start()


@contextmanager
def house(
    directory: Path,
    clock: Clock,
    *,
    parts: Collection[str] = PARTS,
    nodes: int = len(NODES),
    shifted: Collection[str] = (),
    planted: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[House]:
    """Run `parts` and a Kafka of `nodes`, with what is kept in `directory`; nothing outlives the block.

    Parts in `shifted` live by clocks that can be set; `planted` are bugs of parts (planted.py).
    """
    with ExitStack() as stack:
        net = stack.enter_context(network())
        places = {name: net.join(name) for name in ("mosquitto", "postgres", *NODES[:nodes], *parts)}
        disks = {
            name: stack.enter_context(disk(directory / "kafka" / f"node-{number}", _SIZES_MB["kafka"]))
            for number, name in enumerate(NODES[:nodes], 1)
        }
        disks["mosquitto"] = stack.enter_context(disk(directory / "mosquitto", _SIZES_MB["mosquitto"]))
        cluster = stack.enter_context(
            kafka(directory / "kafka", nodes, [places[name] for name in NODES[:nodes]])
        )
        server = Postgres(places["postgres"])
        stack.callback(server.remove)
        disks["postgres"] = stack.enter_context(disk(server.home, _SIZES_MB["postgres"]))
        stack.callback(server.crash)
        server.start()
        settings = {
            "VIGIL_DATABASE_URL": server.url(server.create()),
            "VIGIL_KAFKA_URL": cluster.url,
            "VIGIL_KAFKA_PREFIX": PREFIX,
            "VIGIL_KAFKA_PARTITIONS": str(PARTITIONS),
        }
        vigil(settings, directory / "data", "init")
        database = Database(settings["VIGIL_DATABASE_URL"])
        stack.callback(database.close)
        told = stack.enter_context(far_end(net.host))
        tiers = [{"after": after_s, "channel": told.url(f"/tier-{n}")} for n, after_s in enumerate(TIERS)]
        logins = enroll_in(database, NURSES, clock, tiers)
        secrets = {login.id: login.secret for login in logins}
        kept = _kept_by_mosquitto()
        broker = stack.enter_context(
            mosquitto(directory / "mosquitto", secrets, saves=kept, place=places["mosquitto"])
        )
        settings["VIGIL_BROKER_URL"] = broker.url
        shifts = {name: Shift(directory / f"{name}.clock") for name in shifted}
        programs = {name: shift.program for name, shift in shifts.items()}
        programs |= {name: (sys.executable, str(_PLANTED), bug) for name, bug in planted.items()}
        begun = {
            name: _part(directory / name, name, settings, places[name], programs.get(name, VIGIL))
            for name in parts
        }
        for part in begun.values():
            stack.callback(part.kill)
            part.begin()
        for part in begun.values():
            part.await_ready()
        yield House(net, disks, shifts, broker, cluster, server, begun, database, settings, logins, told)


def vigil(settings: Mapping[str, str], data_dir: Path, *arguments: str) -> str:
    """Run a command of Vigil's and return what it printed."""
    command = [*VIGIL, *arguments, "--data-dir", str(data_dir)]
    env = {**os.environ, **settings}
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"vigil {' '.join(arguments)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def _part(
    data_dir: Path, name: str, settings: Mapping[str, str], place: Place, program: Sequence[str]
) -> PartProcess:
    data_dir.mkdir()
    part, _, number = name.partition("-")
    # One of two is known to Kafka by its name, as in deploy/systemd; the other is a new member each time.
    named = {"VIGIL_PROCESS_NAME": name} if (part, number) == ("process", "1") else {}
    return PartProcess(part, data_dir, {**settings, **named}, place, free_port(), program)


def _kept_by_mosquitto() -> list[str]:
    """Return what the configuration that is shipped says about what is kept."""
    kept = _SHIPPED.read_text().partition("persistence_location")[2].partition("# ----")[0]
    return [line for line in kept.splitlines()[1:] if line and not line.startswith("#")]

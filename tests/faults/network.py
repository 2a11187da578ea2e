"""Network: a bridge with a namespace of its own for each process, so that one can be cut off from all others.

It needs `ip` (iproute2) and the right to use it. Else everything runs at this machine's own address, uncut.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from tests.support.place import HERE, Place

_DISABLED, _FORWARDING = "0", "3"


class Network:
    """Gives each member a place; what is cut hears nothing and is not heard, and nobody is told."""

    def __init__(self) -> None:
        self._numbers = count(2)
        self._ports: dict[str, str] = {}
        self._bridge = f"vg{os.getpid()}"
        self._net = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
        self.can_cut = shutil.which("ip") is not None and _may(
            "ip", "link", "add", self._bridge, "type", "bridge"
        )
        self.host = f"{self._net}.1" if self.can_cut else HERE.host
        """Where members reach what the test itself serves."""
        if self.can_cut:
            _run("ip", "address", "add", f"{self.host}/24", "dev", self._bridge)
            _run("ip", "link", "set", self._bridge, "up")

    def join(self, name: str) -> Place:
        """Return where the member `name` runs."""
        if not self.can_cut:
            return HERE
        number = next(self._numbers)
        space = port = f"{self._bridge}-{number}"
        self._ports[name] = port
        _run("ip", "netns", "add", space)
        inside = ("ip", "-n", space)
        _run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
        _run("ip", "link", "set", port, "master", self._bridge, "up")
        _run(*inside, "address", "add", f"{self._net}.{number}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            _run(*inside, "link", "set", link, "up")
        return Place(f"{self._net}.{number}", ("nsenter", f"--net=/run/netns/{space}", "--"))

    def cut(self, name: str) -> None:
        """Let nothing through to the member `name`, nor from it."""
        _run("bridge", "link", "set", "dev", self._ports[name], "state", _DISABLED)

    def mend(self, name: str) -> None:
        """Let everything through again."""
        _run("bridge", "link", "set", "dev", self._ports[name], "state", _FORWARDING)

    def remove(self) -> None:
        """Leave nothing behind; the members' processes have ended."""
        for port in self._ports.values():
            _run("ip", "netns", "delete", port)
        if self.can_cut:
            _run("ip", "link", "delete", self._bridge)


@contextmanager
def network() -> Iterator[Network]:
    """Yield a network that goes with the block."""
    made = Network()
    try:
        yield made
    finally:
        made.remove()


def _may(*command: str) -> bool:
    try:
        _run(*command)
    except subprocess.CalledProcessError:
        return False
    return True


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=10)

"""Footprint: how much memory and processor this process takes, by device."""

import os
import resource
import sys
from pathlib import Path
from typing import NamedTuple

from devices.clock import SystemClock

_STATM = Path("/proc/self/statm")


class Taken(NamedTuple):
    """What a number of devices took: memory each, and the processor for each of their messages."""

    kib_per_device: float
    cpu_ms_per_fix: float
    cpu_pct: float


class Footprint:
    """Begins to count when it is made; memory before is nobody's."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._before_bytes = resident_bytes()
        self._connected_bytes = self._before_bytes
        self._cpu_s = self._since_s = 0.0

    def connected(self) -> None:
        """Note that all devices are there: from now on processor time is for what they say."""
        self._connected_bytes = resident_bytes()
        self._cpu_s, self._since_s = self._clock.cpu_s(), self._clock.monotonic_s()

    def taken(self, devices: int, fixes: int) -> Taken:
        """Return what `devices` took, which said `fixes`."""
        cpu_s = self._clock.cpu_s() - self._cpu_s
        gone_s = max(1e-9, self._clock.monotonic_s() - self._since_s)
        return Taken(
            kib_per_device=round((self._connected_bytes - self._before_bytes) / 1024 / max(1, devices), 1),
            cpu_ms_per_fix=round(cpu_s * 1000 / max(1, fixes), 3),
            cpu_pct=round(100 * cpu_s / gone_s, 1),
        )


def resident_bytes() -> int:
    """Return the memory that this process holds; where the system does not tell, the most it ever held."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def allow_many_connections() -> None:
    """Raise the limit of open files as far as this process may: a connection takes three."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

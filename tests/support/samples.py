"""Samples: messages of each dialect in their documented form, with the reports that they make."""

import json
from pathlib import Path
from typing import Any, NamedTuple

SAMPLES = Path(__file__).parents[1] / "samples"
RECEIVED_MS = 1_795_352_400_000
"""When every sample is said to have come in."""


class Sample(NamedTuple):
    """One file of tests/samples/{dialect}/: `payload` as it came over the wire."""

    dialect: str
    name: str
    channel: str
    payload: bytes
    reports: list[dict[str, Any]]
    faults: list[str]


def samples(dialect: str | None = None) -> list[Sample]:
    """Return the samples of `dialect`, or all."""
    return [_read(path) for path in sorted(SAMPLES.glob(f"{dialect or '*'}/*.json"))]


def sample(dialect: str, name: str) -> Sample:
    """Return one sample."""
    return _read(SAMPLES / dialect / f"{name}.json")


def _read(path: Path) -> Sample:
    said = json.loads(path.read_text())
    payload = said["payload"]
    raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    return Sample(path.parent.name, path.stem, said["channel"], raw, said["reports"], said["faults"])

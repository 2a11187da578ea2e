"""Fuzz: whatever bytes come, a codec gives reports that can be logged, or faults that name a field.

`make fuzz FUZZ_S=60`, or `python tests/fuzz/fuzz_codecs.py -max_total_time=60 CORPUS`. The first byte of an
input picks the dialect and the channel; the samples in tests/samples/ are where it starts from.
"""

import json
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["devices"]):
    import msgspec

    from devices.codecs.dialects import DIALECTS, GATEWAYS
    from devices.errors import UnreadablePayload
    from devices.reports import AlarmBase, Report

RECEIVED_MS = 1_795_352_400_000
DOORS = [
    *(("native", channel) for channel in ("location", "alarm", "event", "status", "record")),
    ("owntracks", ""),
    *(("osmand", channel) for channel in ("query", "json")),
    *(("traccar", channel) for channel in ("position", "event", "any")),
    *(("chirpstack", channel) for channel in ("up", "join", "status", "location", "log")),
    ("jt808", "any"),
    ("gb28181", "any"),
]
_pack, _unpack = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(Report).decode


def try_one(data: bytes) -> None:
    """Read one input; what goes wrong is raised."""
    if not data:
        return
    dialect, channel = DOORS[data[0] % len(DOORS)]
    payload = data[1:]
    try:
        reading = DIALECTS[dialect](channel, payload, RECEIVED_MS)
    except UnreadablePayload as fault:
        if channel == "alarm" or not (fault.field and fault.reason):
            raise AssertionError(f"{dialect}/{channel}: {fault!r}") from fault
        return
    for report in reading.reports:
        if _unpack(_pack(report)) != report:
            raise AssertionError(f"{report!r} does not come back from the log")
    if channel == "alarm" and not isinstance(reading.reports[0], AlarmBase):
        raise AssertionError("an alarm was lost")
    if dialect in GATEWAYS:
        GATEWAYS[dialect](payload)


def seed(corpus: Path) -> None:
    """Write the samples as inputs."""
    for number, (dialect, channel) in enumerate(DOORS):
        for path in (ROOT / "tests" / "samples").glob(f"{dialect}/*.json"):
            sample = json.loads(path.read_text())
            payload = sample["payload"]
            raw = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
            if sample["channel"] == channel:
                (corpus / f"{dialect}-{path.stem}").write_bytes(bytes([number]) + raw)


def main() -> None:
    """Run until told to stop, or until something is found."""
    with tempfile.TemporaryDirectory() as seeds:
        seed(Path(seeds))
        atheris.Setup([*sys.argv, seeds], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

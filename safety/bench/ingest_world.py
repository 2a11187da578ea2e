"""The messages of `vigil bench ingest`: what devices say in the native dialect, and how it is published."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from devices import topics
from devices.registry.memory import MemoryDeviceRegistry
from devices.registry.port import Device
from ingest.address import BrokerAddress
from safety.bench.errors import BenchFailed

T0_MS = 1_795_352_400_000
EVERY_MS = 10_000
_ORG = "org_bench"
_LAT, _LON = 31.23, 121.465
_STATUS_EVERY, _EVENT_EVERY = 30, 100
"""Of so many messages one tells how the device is, and one is a check-in, which also goes to the alarms."""
_CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05bench"
_ACCEPTED = b"\x20\x02\x00\x00"
_PUBLISH_QOS_1 = 0x32
_PUBACK_BYTES = 4
_IDS = 50_000
_AT_ONCE = 1_000
_PATIENCE_S = 60.0


class Said(NamedTuple):
    """What a device publishes."""

    topic: str
    payload: bytes


def register_devices(count: int) -> MemoryDeviceRegistry:
    """Return a registry with `count` phones, a nurse each."""
    registry = MemoryDeviceRegistry()
    for number in range(count):
        registry.add(Device(id=_id(number), kind="phone", org=_ORG, nurse=f"nur_{number:010d}bench"))
    return registry


def messages(devices: int, first: int, count: int) -> Iterator[Said]:
    """Yield `count` messages from number `first` on, the devices by turns; none is like another."""
    for number in range(first, first + count):
        device, turn = number % devices, number // devices
        common = {"seq": turn, "time": T0_MS + turn * EVERY_MS + device}
        position = {
            "lat": round(_LAT + device * 1e-4 + turn % 7 * 1e-5, 6),
            "lon": round(_LON - device * 1e-4 + turn % 5 * 1e-5, 6),
            "accuracy_m": 4.0 + number % 23,
        }
        if number % _EVENT_EVERY == _EVENT_EVERY - 1:
            yield _said(device, "event", {"kind": "check_in", **common, "fix": position})
        elif number % _STATUS_EVERY == _STATUS_EVERY - 1:
            battery = {"battery_pct": 80 - turn % 60, "signal_dbm": -90 + number % 30}
            yield _said(device, "status", {**common, "state": "online", **battery, "firmware": "4.2.1"})
        else:
            motion = {"speed_mps": number % 9 * 0.4, "heading_deg": number * 7 % 360}
            fix = {**common, **position, **motion, "altitude_m": 4.5, "battery_pct": 80 - turn % 60}
            yield _said(device, "location", {**fix, "motion": "walking"})


async def publish(address: BrokerAddress, said: list[Said]) -> None:
    """Publish all of `said` at QoS 1, over one connection, and wait until the broker has each.

    Raises:
        BenchFailed: the broker does not take them.
    """
    packets = [_packet(one, number % _IDS + 1) for number, one in enumerate(said)]
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(_CONNECT)
            if await reader.readexactly(len(_ACCEPTED)) != _ACCEPTED:
                raise BenchFailed(f"{address!r} lets nobody publish")
            for start in range(0, len(packets), _AT_ONCE):
                some = packets[start : start + _AT_ONCE]
                writer.write(b"".join(some))
                await reader.readexactly(_PUBACK_BYTES * len(some))
            writer.close()
            await writer.wait_closed()
    except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
        raise BenchFailed(f"{address!r} did not take {len(said)} messages: {error!r}") from error


def _id(number: int) -> str:
    return f"dev_{number:010d}bench"


def _said(device: int, channel: topics.Channel, payload: dict[str, object]) -> Said:
    return Said(topics.up(_id(device), channel), msgspec.json.encode(payload))


def _packet(said: Said, packet_id: int) -> bytes:
    topic = said.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + said.payload
    return bytes([_PUBLISH_QOS_1, len(body) % 128 | 128, len(body) // 128]) + body

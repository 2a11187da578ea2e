"""The topic grammar of the native dialect: `vigil/v1/{device}/{channel}`."""

import re
from typing import Literal, NamedTuple, get_args

Channel = Literal["location", "alarm", "event", "status", "record"]

PREFIX = "vigil/v1"
CHANNELS: frozenset[str] = frozenset(get_args(Channel))
URGENT_CHANNELS: frozenset[str] = frozenset({"alarm", "event"})
_DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


class DeviceTopic(NamedTuple):
    """A device's topic taken apart."""

    device: str
    channel: Channel


def is_device_id(text: str) -> bool:
    """Tell whether `text` can be a device's id (and so one level of a topic)."""
    return _DEVICE_ID.fullmatch(text) is not None


def parse(topic: str) -> DeviceTopic | None:
    """Return the device and channel that `topic` names, or None if it is no upward device topic."""
    levels = topic.split("/")
    if len(levels) != 4 or levels[0] != "vigil" or levels[1] != "v1":
        return None
    device, channel = levels[2], levels[3]
    if channel not in CHANNELS or not is_device_id(device):
        return None
    return DeviceTopic(device, channel)  # type: ignore[arg-type]  # narrowed by the membership test


def up(device: str, channel: Channel) -> str:
    """Return the topic on which `device` publishes `channel`."""
    return f"{PREFIX}/{device}/{channel}"


def down(device: str) -> str:
    """Return the topic on which `device` hears commands."""
    return f"{PREFIX}/{device}/down"


def may_publish(device: str, topic: str) -> bool:
    """Tell whether `device` may publish to `topic`: its own upward channels only."""
    parsed = parse(topic)
    return parsed is not None and parsed.device == device


def may_subscribe(device: str, topic_filter: str) -> bool:
    """Tell whether `device` may subscribe to `topic_filter`: exactly its own `down`."""
    return topic_filter == down(device)

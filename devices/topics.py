"""The topic grammar: `vigil/v1/{device}/{channel}`, and the topics of the other dialects.

vigil/v1/{device}/{channel}                       a device, natively
owntracks/{device}/{any}, …/{any}/{part}          a phone with OwnTracks; …/{any}/cmd is what it is told
application/{app}/device/{name}/event/{event}     ChirpStack, of the device that it calls {name}
traccar/{gateway}/positions, …/events             a Traccar server
platform/{gateway}/jt808, …/gb28181               a platform of recorders
"""

import re
from typing import Literal, NamedTuple, get_args

Channel = Literal["location", "alarm", "event", "status", "record"]

PREFIX = "vigil/v1"
CHANNELS: frozenset[str] = frozenset(get_args(Channel))
URGENT_CHANNELS: frozenset[str] = frozenset({"alarm", "event"})
CHIRPSTACK_EVENTS = ("up", "join", "ack", "txack", "status", "log", "location", "integration")
PLATFORMS = ("jt808", "gb28181")
TRACCAR_CHANNELS = {"positions": "position", "events": "event"}
_DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_COMMANDS = "cmd"


class DeviceTopic(NamedTuple):
    """A device's native topic taken apart."""

    device: str
    channel: Channel


class Address(NamedTuple):
    """What a topic says of its messages: their `dialect` and `channel`, and whose they are.

    `named` tells what `who` is: the id of a `device`, that of a `gateway` that speaks for many, or what a
    gateway calls one device (`external`): then the topic does not say which gateway it is.
    """

    named: Literal["device", "gateway", "external"]
    who: str
    dialect: str
    channel: str


def is_device_id(text: str) -> bool:
    """Tell whether `text` can be a device's id (and so one level of a topic)."""
    return _DEVICE_ID.fullmatch(text) is not None


def parse(topic: str) -> DeviceTopic | None:
    """Return the device and channel that `topic` names, or None if it is no upward native topic."""
    levels = topic.split("/")
    if len(levels) != 4 or levels[0] != "vigil" or levels[1] != "v1":
        return None
    device, channel = levels[2], levels[3]
    if channel not in CHANNELS or not is_device_id(device):
        return None
    return DeviceTopic(device, channel)  # type: ignore[arg-type]  # narrowed by the membership test


def address(topic: str) -> Address | None:
    """Return what `topic` says, in whatever dialect, or None if nobody publishes there."""
    native = parse(topic)
    if native is not None:
        return Address("device", native.device, "native", native.channel)
    match topic.split("/"):
        case ["owntracks", device, user] if user and is_device_id(device):
            return Address("device", device, "owntracks", "")
        case ["owntracks", device, user, part] if (
            user and part not in {"", _COMMANDS} and is_device_id(device)
        ):
            return Address("device", device, "owntracks", "")
        case ["application", app, "device", name, "event", event] if (
            app and event in CHIRPSTACK_EVENTS and is_device_id(name)
        ):
            return Address("external", name, "chirpstack", event)
        case ["traccar", gateway, channel] if channel in TRACCAR_CHANNELS and is_device_id(gateway):
            return Address("gateway", gateway, "traccar", TRACCAR_CHANNELS[channel])
        case ["platform", gateway, dialect] if dialect in PLATFORMS and is_device_id(gateway):
            return Address("gateway", gateway, dialect, "any")
    return None


def up(device: str, channel: Channel) -> str:
    """Return the topic on which `device` publishes `channel`."""
    return f"{PREFIX}/{device}/{channel}"


def down(device: str) -> str:
    """Return the topic on which `device` hears commands."""
    return f"{PREFIX}/{device}/down"


def is_command(topic: str) -> bool:
    """Tell whether devices are told things on `topic`: who hears all of a dialect hears these, too."""
    match topic.split("/"):
        case ["owntracks", _, _, part]:
            return part == _COMMANDS
    return False


def may_publish(device: str, topic: str) -> bool:
    """Tell whether `device` may publish to `topic`: its own upward topics only.

    Of what names a device by what a gateway calls it, only the registry can tell whose it is: see
    `names_external`.
    """
    said = address(topic)
    return said is not None and said.named != "external" and said.who == device


def names_external(topic: str) -> bool:
    """Tell whether `topic` names a device by what a gateway calls it."""
    said = address(topic)
    return said is not None and said.named == "external"


def may_subscribe(device: str, topic_filter: str) -> bool:
    """Tell whether `device` may subscribe to `topic_filter`: what itself is told, and nothing else.

    ChirpStack asks for the commands to all devices, where nothing is ever published.
    """
    if topic_filter in {down(device), "application/+/device/+/command/+"}:
        return True
    match topic_filter.split("/"):
        case ["owntracks", owner, user, part]:
            return owner == device and user not in {"", "#"} and part == _COMMANDS
    return False

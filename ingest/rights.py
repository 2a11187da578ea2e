"""Rights: what each login may publish and subscribe, as topic filters, for brokers that are told by lists.

The embedded broker asks `devices.topics` for each message; tests/unit/ingest/test_rights.py holds both
together.
"""

from collections.abc import Iterable
from typing import NamedTuple

from devices import topics
from devices.topics import CHANNELS, CHIRPSTACK_EVENTS, PLATFORMS, TRACCAR_CHANNELS
from ingest.address import REFUSED
from ingest.subscriber import SUBSCRIBER_LANES


class Rights(NamedTuple):
    """Topic filters; whatever matches none of them is refused."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def device_rights(device_id: str, speaks_for: Iterable[str] = ()) -> Rights:
    """Return what a device or a gateway may.

    `speaks_for`: what a network server calls the devices that it may speak for, its own among them. An
    outside broker does not say who published: there this list alone keeps a gateway from others' devices.
    """
    publish = [f"{topics.PREFIX}/{device_id}/{channel}" for channel in sorted(CHANNELS)]
    # Below its own name a phone may say anything, if only to itself.
    publish += [f"owntracks/{device_id}/+", f"owntracks/{device_id}/+/+"]
    publish += [f"traccar/{device_id}/{channel}" for channel in sorted(TRACCAR_CHANNELS)]
    publish += [f"platform/{device_id}/{dialect}" for dialect in sorted(PLATFORMS)]
    publish += brought_rights(speaks_for).publish
    return Rights(tuple(publish), (topics.down(device_id), f"owntracks/{device_id}/+/cmd"))


def brought_rights(names: Iterable[str]) -> Rights:
    """Return what it takes to speak for devices that a network server calls `names`."""
    spellings = sorted({spelled for name in names for spelled in (name, name.lower())})
    publish = [
        f"application/+/device/{name}/event/{event}"
        for name in spellings
        # Whoever chose the name must not have chosen a wildcard.
        if topics.is_device_id(name)
        for event in CHIRPSTACK_EVENTS
    ]
    return Rights(tuple(publish), ())


def ingest_rights() -> Rights:
    """Return what Vigil's own login needs at an outside broker."""
    heard = [one for lane in SUBSCRIBER_LANES for one in lane.filters]
    told = (topics.down("+"), "owntracks/+/+/cmd", REFUSED)
    return Rights(told, (*heard, REFUSED))

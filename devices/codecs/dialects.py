"""Dialects: every codec by its name, the one list that the service, the registry and the command line use."""

from collections.abc import Mapping

from devices.codecs import Codec, chirpstack, gb28181, jt808, native, osmand, owntracks, traccar
from devices.codecs.speakers import Splitter

DIALECTS: Mapping[str, Codec] = {
    "native": native.read,
    "owntracks": owntracks.read,
    "osmand": osmand.read,
    "traccar": traccar.read,
    "chirpstack": chirpstack.read,
    "jt808": jt808.read,
    "gb28181": gb28181.read,
}

GATEWAYS: Mapping[str, Splitter] = {
    "traccar": traccar.parts,
    "chirpstack": chirpstack.parts,
    "jt808": jt808.parts,
    "gb28181": gb28181.parts,
}
"""The dialects in which one gateway speaks for many devices, each with what tells who said what."""

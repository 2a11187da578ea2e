"""Dialects: every codec by its name, the one list that the service, the registry and the command line use."""

from collections.abc import Mapping

from devices.codecs import Codec, native

DIALECTS: Mapping[str, Codec] = {
    "native": native.read,
}

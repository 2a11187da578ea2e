"""Pieces: a native message that does not fit, read field by field; what cannot be read is a fault."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from devices.codecs.native_wire import WirePosition, decode, read_position
from devices.errors import UnreadablePayload

_object_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_FIX = re.compile(rb'"fix"\s*:\s*(\{[^{}]*\})')
_PLACE = {
    field.encode_name: msgspec.json.Decoder(field.type) for field in msgspec.structs.fields(WirePosition)
}
# Without one of these, or with a datum nobody can read, it may be anywhere.
_NEEDED = ("lat", "lon", "datum")


class Pieces:
    """Reads the fields of `decoders`, each for itself, and a `fix`."""

    def __init__(self, decoders: Mapping[str, msgspec.json.Decoder[Any]]) -> None:
        self.decoders = decoders
        names = "|".join(decoders).encode()
        self._value = re.compile(
            rb'"(' + names + rb')"\s*:\s*("[^"\\]*"|-?\d+(?![\d.eE])(?=[\s,}])|true|false)'
        )

    def read(
        self, payload: bytes, faults: list[UnreadablePayload]
    ) -> tuple[dict[str, Any], WirePosition | None]:
        """Return the value of each field (None: not given, or a fault), and its `fix`."""
        fields = self._fields(payload, faults)
        values = {name: self._decoded(fields, name, faults) for name in self.decoders}
        return values, place_of(fields.get("fix"), faults)

    def _fields(self, payload: bytes, faults: list[UnreadablePayload]) -> dict[str, bytes]:
        try:
            return {name: bytes(raw) for name, raw in decode(_object_decoder, payload).items()}
        except UnreadablePayload as fault:
            faults.append(fault)
            return self._salvage(payload)

    def _salvage(self, payload: bytes) -> dict[str, bytes]:
        """Pick what can still be recognised out of broken JSON; the first of each name counts."""
        fields: dict[str, bytes] = {}
        fix = _FIX.search(payload)
        if fix is not None:
            fields["fix"] = fix.group(1)
            payload = payload[: fix.start()] + payload[fix.end() :]
        for match in self._value.finditer(payload):
            fields.setdefault(match.group(1).decode(), match.group(2))
        return fields

    def _decoded(self, fields: Mapping[str, bytes], name: str, faults: list[UnreadablePayload]) -> Any:
        raw = fields.get(name)
        if raw is None:
            return None
        try:
            return decode(self.decoders[name], raw)
        except UnreadablePayload as fault:
            faults.append(UnreadablePayload(name, fault.reason))
            return None


def place_of(raw: bytes | msgspec.Raw | None, faults: list[UnreadablePayload]) -> WirePosition | None:
    """Return the `fix` of a message; what beside the place is unreadable costs only itself."""
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        return read_position(raw, "fix")
    except UnreadablePayload as fault:
        whole = fault
    try:
        fields = decode(_object_decoder, raw)
    except UnreadablePayload:
        faults.append(whole)
        return None
    values: dict[str, Any] = {}
    for name, decoder in _PLACE.items():
        try:
            values |= {name: decode(decoder, fields[name])} if name in fields else {}
        except UnreadablePayload as fault:
            faults.append(UnreadablePayload(f"fix.{name}", fault.reason))
            if name in _NEEDED:
                return None
    if "lat" not in values or "lon" not in values:
        faults.append(whole)
        return None
    return WirePosition(**values)

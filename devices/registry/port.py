"""The registry port: what ingest and the broker ask about a device."""

from typing import Literal, Protocol

import msgspec

DeviceKind = Literal["phone", "recorder", "button"]
"""What a nurse carries. A `gateway` is registered beside them: it brings what many devices said."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A registered device and whose it is; `nurse` is None while it is unbound.

    `external_id` is what others call it, such as a DevEUI or an IMEI.
    """

    id: str
    kind: DeviceKind | Literal["gateway"]
    org: str
    nurse: str | None
    codec: str = "native"
    external_id: str | None = None
    revoked: bool = False

    @property
    def key(self) -> str:
        """The key of its log entries: one worker owns all that concerns one nurse."""
        return self.nurse or self.id


class DeviceRegistry(Protocol):
    """Finds devices; fast enough for the hot path."""

    def find(self, device_id: str) -> Device | None:
        """Return the device, revoked or not, or None if there is none.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """

    def find_external(self, external_id: str, codec: str | None = None) -> Device | None:
        """Return the device that a gateway calls `external_id`, in upper or lower case, revoked or not.

        With `codec` only one that speaks it; None if there is none.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """

    def is_within(self, org: str, above: str) -> bool:
        """Tell whether `org` is the organisation `above` or one below it.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """

    def authenticate(self, device_id: str, secret: str) -> Device | None:
        """Return the device if `secret` is its own and it is not revoked, else None.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """

    def authenticate_certificate(self, device_id: str, issued_ms: int) -> Device | None:
        """Return the device if a certificate issued to it then still holds, else None.

        It holds unless the device was revoked, or was given a new secret since. That the certificate is
        genuine, in its time and the device's own is the caller's to know.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """

    def refresh(self) -> bool:
        """Take over what changed since the last call; tell whether anything did.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """


def still_holds(issued_ms: int, certified_from_ms: int | None) -> bool:
    """Tell whether a certificate issued then is new enough; certificates know whole seconds only."""
    return certified_from_ms is None or issued_ms // 1000 >= certified_from_ms // 1000


def may_speak_for(registry: DeviceRegistry, speaker: Device, device: Device) -> bool:
    """Tell whether what `speaker` brings may be taken for what `device` said.

    A device speaks for itself; a gateway for the devices of its own dialect, in its organisation and below.

    Raises:
        RegistryUnavailable: it cannot be told just now.
    """
    if speaker.kind != "gateway":
        return speaker.id == device.id
    if device.kind == "gateway" or device.codec != speaker.codec:
        return False
    return registry.is_within(device.org, speaker.org)

"""The registry port: what ingest and the broker ask about a device."""

from typing import Literal, Protocol

import msgspec

DeviceKind = Literal["phone", "recorder", "button"]


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A registered device and whose it is; `nurse` is None while it is unbound."""

    id: str
    kind: DeviceKind
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

    def authenticate(self, device_id: str, secret: str) -> Device | None:
        """Return the device if `secret` is its own and it is not revoked, else None.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """

    def refresh(self) -> bool:
        """Take over what changed since the last call; tell whether anything did.

        Raises:
            RegistryUnavailable: it cannot be told just now.
        """

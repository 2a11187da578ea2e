"""MemoryDeviceRegistry: the registry's fake, for tests and benchmarks."""

from devices.identity import hash_secret, secret_matches
from devices.registry.port import Device, still_holds


class MemoryDeviceRegistry:
    """Devices in a dict; what is added is there at once. `parents`: which organisation is above which."""

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._secrets: dict[str, str] = {}
        self.certified_from_ms: dict[str, int] = {}
        self.parents: dict[str, str] = {}

    def add(self, device: Device, secret: str = "") -> Device:
        """Register `device` with `secret`, or replace it."""
        self._devices[device.id] = device
        self._secrets[device.id] = hash_secret(secret)
        return device

    def find(self, device_id: str) -> Device | None:
        return self._devices.get(device_id)

    def find_external(self, external_id: str, codec: str | None = None) -> Device | None:
        for device in self._devices.values():
            if device.external_id is not None and device.external_id.lower() == external_id.lower():
                return device if codec in (None, device.codec) else None
        return None

    def is_within(self, org: str, above: str) -> bool:
        line = [org]
        while (parent := self.parents.get(line[-1])) is not None and parent not in line:
            line.append(parent)
        return above in line

    def authenticate(self, device_id: str, secret: str) -> Device | None:
        device = self._devices.get(device_id)
        if device is None or device.revoked or not secret_matches(secret, self._secrets[device_id]):
            return None
        return device

    def authenticate_certificate(self, device_id: str, issued_ms: int) -> Device | None:
        device = self._devices.get(device_id)
        if device is None or device.revoked:
            return None
        return device if still_holds(issued_ms, self.certified_from_ms.get(device_id)) else None

    def refresh(self) -> bool:
        return False

"""MemoryDeviceRegistry: the registry's fake, for tests and benchmarks."""

from devices.identity import hash_secret, secret_matches
from devices.registry.port import Device


class MemoryDeviceRegistry:
    """Devices in a dict; what is added is there at once."""

    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._secrets: dict[str, str] = {}

    def add(self, device: Device, secret: str = "") -> Device:
        """Register `device` with `secret`, or replace it."""
        self._devices[device.id] = device
        self._secrets[device.id] = hash_secret(secret)
        return device

    def find(self, device_id: str) -> Device | None:
        return self._devices.get(device_id)

    def authenticate(self, device_id: str, secret: str) -> Device | None:
        device = self._devices.get(device_id)
        if device is None or device.revoked or not secret_matches(secret, self._secrets[device_id]):
            return None
        return device

    def refresh(self) -> bool:
        return False

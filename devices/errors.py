"""The exceptions of devices/.

DeviceError
├── UnreadablePayload     a codec could not read a payload; names the field      (permanent)
├── CannotSay             a dialect has no words for a command                    (permanent)
├── UnknownDevice         no device with that id, or it was revoked               (permanent)
├── BadCertificate        a certificate, its key or its authority cannot be used   (permanent)
└── RegistryUnavailable   the registry could not be read just now                 (transient)
"""


class DeviceError(Exception):
    """Anything that devices/ raises on purpose."""


class UnreadablePayload(DeviceError):
    """A payload cannot be read.

    Attributes:
        field: JSON path of the field at fault, `$` for the whole payload.
        reason: what is wrong with it, lower case.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class CannotSay(DeviceError):
    """The dialect of a device has no words for a command, or no way to bring it there."""


class UnknownDevice(DeviceError):
    """No such device is registered, or it was revoked."""


class BadCertificate(DeviceError):
    """A certificate, its key or its authority cannot be used."""


class RegistryUnavailable(DeviceError):
    """The registry cannot be read just now; try again."""

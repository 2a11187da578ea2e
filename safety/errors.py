"""The exceptions of safety/.

SafetyError
├── InvalidInput          what was given cannot be taken; says what was expected     (permanent)
├── NotFound              there is no such thing, or it is not yours to see          (permanent)
├── Conflict              someone was first; carries the current state               (permanent)
├── Forbidden             the role does not allow it                                 (permanent)
├── Superseded            somebody else works on this partition now                  (permanent)
├── StoreUnusable         the store cannot be opened: it is away, or no store        (permanent)
└── DeliveryFailed
    ├── DeliveryRefused   the channel will never take it                             (permanent)
    └── DeliveryDelayed   the channel cannot take it just now                        (transient)
"""


class SafetyError(Exception):
    """Anything that safety/ raises on purpose."""


class InvalidInput(SafetyError):
    """What was given cannot be taken; the message says what was expected.

    Attributes:
        field: which field of what was given is wrong, as `limits.dwell_s`; None where it is none of them.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFound(SafetyError):
    """There is no such thing, or it is not yours to see."""


class Forbidden(SafetyError):
    """The role does not allow it."""


class Conflict(SafetyError):
    """Someone was first: the alert has moved on since it was read.

    Attributes:
        alert: id of the alert.
        version: the version that it has now.
        by: who moved it last, None for the system.
    """

    def __init__(self, message: str, alert: str, version: int, by: str | None) -> None:
        super().__init__(message)
        self.alert = alert
        self.version = version
        self.by = by


class Superseded(SafetyError):
    """Somebody else works on this partition now; what this one decides counts no more."""


class StoreUnusable(SafetyError):
    """The store cannot be opened: nobody is there, we may not, or what is there is none."""


class GaveWay(SafetyError):
    """A transaction was broken off for one that is more urgent; nothing of it was written."""


class DeliveryFailed(SafetyError):
    """A notification did not go out."""


class DeliveryRefused(DeliveryFailed):
    """The channel will never take it."""


class DeliveryDelayed(DeliveryFailed):
    """The channel cannot take it just now; try again, `retry_after_s` later if it asked for that."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

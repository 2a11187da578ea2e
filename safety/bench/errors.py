"""BenchFailed: why nothing could be measured."""

from safety.errors import SafetyError


class BenchFailed(SafetyError):
    """The service under measurement did not do what it must; the message says what."""

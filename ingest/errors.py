"""The exceptions of ingest/.

IngestError
├── LogError
│   ├── LogUnavailable    the log cannot be written or read just now              (transient)
│   └── LogInUse          another process writes this log                         (permanent)
├── AuthorityUnusable     the file of a broker's authority cannot be used         (permanent)
└── NotConnected          no connection to the broker just now                    (transient)
"""


class IngestError(Exception):
    """Anything that ingest/ raises on purpose."""


class LogError(IngestError):
    """The event log failed."""


class LogUnavailable(LogError):
    """The log cannot be written or read just now; try again."""


class LogInUse(LogError):
    """Another process writes this log; stop it first."""


class AuthorityUnusable(IngestError):
    """The file with the authority of an outside broker cannot be used."""


class NotConnected(IngestError):
    """There is no connection to the broker just now; try again."""

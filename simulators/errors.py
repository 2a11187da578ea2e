"""The exceptions of simulators/.

SimulatorError
├── BadFile            a file given by the user cannot be used; names the file and the field   (permanent)
├── BadAddress         a broker's or an API's address cannot be used                            (permanent)
└── LinkDown           the connection to the broker broke, or never came about                  (transient)
"""


class SimulatorError(Exception):
    """Anything that simulators/ raises on purpose."""


class BadFile(SimulatorError):
    """A file given by the user cannot be used; the message names the file and the field."""


class BadAddress(SimulatorError):
    """An address given by the user cannot be used."""


class LinkDown(SimulatorError):
    """The connection to the broker broke, or never came about; try again."""


def first_leaf(error: BaseException) -> BaseException:
    """Return the first exception inside `error` that is no group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error

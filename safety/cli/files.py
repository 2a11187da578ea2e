"""Files that commands are given: read whole, as long as they are files and not too large."""

import os
import stat
from pathlib import Path

from safety.cli.common import Failure

MOST_BYTES = 50_000_000


def read_given(file: Path) -> bytes:
    """Return what `file` holds.

    Raises:
        Failure: it is no regular file, larger than `MOST_BYTES`, or cannot be read.
    """
    try:
        # Opening a pipe that nobody writes would wait for ever.
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as opened:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise Failure(f"{file} is no regular file: expected one, not a device or a pipe")
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise Failure(f"{file} is too large: expected at most {MOST_BYTES} bytes")
    return content

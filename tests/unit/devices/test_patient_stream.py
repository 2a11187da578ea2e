"""The service's own log: what cannot be written is dropped, and ends nothing."""

import errno
import io

import pytest
import structlog

from devices.patient_stream import patient


class Full(io.StringIO):
    """A stream on a disk that has no room, until it has."""

    has_room = False

    def flush(self) -> None:
        if not self.has_room:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full() -> Full:
    return Full()


def test_a_log_without_room_ends_nothing_and_goes_on_when_there_is(full: Full) -> None:
    log = structlog.PrintLogger(patient(full))
    log.info("dropped, or kept back")
    full.has_room = True
    log.info("written")
    assert full.getvalue().splitlines()[-1] == "written"

"""Where a service listens, as the commands beside it know."""

from pathlib import Path

import pytest

from safety.cli.enrolment import reach_of
from safety.listening import Listening, note_listening, read_listening


def test_a_device_is_set_up_for_the_ports_that_the_service_was_started_with(tmp_path: Path) -> None:
    assert reach_of(tmp_path) == ("mqtt://127.0.0.1:1883", "http://127.0.0.1:8000")
    note_listening(tmp_path, Listening("127.0.0.1:18100", 18150))
    assert reach_of(tmp_path) == ("mqtt://127.0.0.1:18150", "http://127.0.0.1:18100")


@pytest.mark.parametrize("left", [b"", b"{}", b"no json"])
def test_what_cannot_be_read_is_no_word(tmp_path: Path, left: bytes) -> None:
    assert read_listening(tmp_path) is None
    (tmp_path / "listening.json").write_bytes(left)
    assert read_listening(tmp_path) is None


def test_a_service_that_cannot_leave_word_goes_on(tmp_path: Path) -> None:
    note_listening(tmp_path / "gone", Listening("127.0.0.1:18100", 18150))
    assert read_listening(tmp_path / "gone") is None

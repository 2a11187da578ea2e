"""The rooms where tests wait and where they ask for programs, and the scripts under tests/tools."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import requires
from tests.support.waiting import NotInTime, eventually, wait_until

TOOLS = Path(__file__).parents[2] / "tools"


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False
    )


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = requires.Part(("no-such-program",), "apt-get install no-such-program")
    monkeypatch.setitem(requires.PARTS, "mosquitto", nothing)


@pytest.mark.usefixtures("nowhere")
def test_a_missing_part_skips_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="mosquitto is missing"):  # noqa: TID251 - what `require` raises
        requires.require("mosquitto")


@pytest.mark.usefixtures("nowhere")
def test_a_missing_part_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="nothing may be skipped"):
        requires.require("mosquitto")


def test_a_part_that_is_there_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(requires.PARTS, "mosquitto", requires.Part(("no-such-program", "sh"), ""))
    assert requires.require("mosquitto").name == "sh"


def test_wait_until_gives_what_came() -> None:
    answers = iter([None, 0, 7])
    assert wait_until(lambda: next(answers), what="seven") == 7


def test_wait_until_names_what_did_not_come() -> None:
    with pytest.raises(NotInTime, match=r"the alert: not within 0 s; last seen: \[\]"):
        wait_until(list, timeout_s=0, what="the alert")


def test_wait_until_shows_the_last_failed_assertion() -> None:
    def stubborn() -> bool:
        raise AssertionError("still two")

    with pytest.raises(NotInTime, match="still two") as caught:
        wait_until(stubborn, timeout_s=0)
    assert isinstance(caught.value.__cause__, AssertionError)


def test_wait_until_does_not_hide_other_errors() -> None:
    with pytest.raises(ZeroDivisionError):
        wait_until(lambda: 1 / 0)


async def test_eventually_takes_plain_and_async_predicates() -> None:
    answers = iter([None, 3])

    async def answer() -> int | None:
        return next(answers)

    assert await eventually(answer) == 3
    assert await eventually(lambda: "here") == "here"
    with pytest.raises(NotInTime, match="the frame"):
        await eventually(lambda: None, timeout_s=0, what="the frame")


def test_an_old_python_is_refused_in_one_line(tmp_path: Path) -> None:
    old = script(tmp_path / "python3", 'case "$2" in *print*) echo 3.9;; *) exit 1;; esac')
    answer = run(str(TOOLS / "check_python.sh"), old)
    assert answer.returncode == 1
    assert "is Python 3.9; Vigil needs 3.11 or newer" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_python_without_venv_is_refused_with_the_remedy(tmp_path: Path) -> None:
    bare = script(
        tmp_path / "python3", 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.11;; *) exit 0;; esac'
    )
    answer = run(str(TOOLS / "check_python.sh"), bare)
    assert answer.returncode == 1
    assert "apt-get install python3.11-venv" in answer.stderr


def test_no_python_is_refused(tmp_path: Path) -> None:
    answer = run(str(TOOLS / "check_python.sh"), str(tmp_path / "python3"))
    assert answer.returncode == 1
    assert "install Python 3.11 or newer" in answer.stderr

"""What a test needs from the machine: found, or the test says by name what is missing.

Outside CI a missing part skips the test with the part's name and how to get it. In CI (``CI=true``) it fails
the test, because a suite that silently shrinks proves nothing. `tests/tools/provide.sh` installs these parts.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

import pytest


class Part(NamedTuple):
    """A program tests may need: the names it goes by, and how one gets it."""

    commands: tuple[str, ...]
    remedy: str


PARTS: Final = {
    "mosquitto": Part(("mosquitto",), "apt-get install mosquitto"),
    "mosquitto_pub": Part(("mosquitto_pub",), "apt-get install mosquitto-clients"),
    "mosquitto_sub": Part(("mosquitto_sub",), "apt-get install mosquitto-clients"),
    # Debian keeps each version's programs in a place of their own; the newest first.
    "postgres": Part(
        (
            "postgres",
            *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)),
            "/opt/homebrew/bin/postgres",
        ),
        "apt-get install postgresql",
    ),
    "java": Part(("java",), "apt-get install openjdk-17-jre-headless"),
    "mvn": Part(("mvn",), "apt-get install maven"),
    "chromium": Part(
        (
            "chromium",
            "chromium-browser",
            "google-chrome",
            "google-chrome-stable",
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
        ),
        "apt-get install chromium",
    ),
}

# Debian keeps daemons where a plain user's PATH does not look.
_SEARCH_PATH: Final = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def in_ci() -> bool:
    """True where nothing may be skipped."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


def find(name: str) -> Path | None:
    """The program that provides part `name` (a key of `PARTS`), or None; KeyError for an unknown name."""
    for command in PARTS[name].commands:
        found = shutil.which(command, path=_SEARCH_PATH)
        if found is not None:
            return Path(found)
    return None


def require(name: str) -> Path:
    """The program that provides part `name`; without it the calling test is skipped, or fails in CI."""
    found = find(name)
    if found is None:
        missing(name, PARTS[name].remedy)
    return found


def missing(name: str, remedy: str) -> NoReturn:
    """Ends the calling test because `name` is not here: a skip that says so, in CI a failure."""
    reason = f"{name} is missing ({remedy})"
    if in_ci():
        pytest.fail(f"{reason}; in CI nothing may be skipped", pytrace=False)
    pytest.skip(reason)

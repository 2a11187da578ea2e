"""Fault tests: what they measured stands at the end of the run."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

# Of each request; what a round came to is what one wants to see.
logging.getLogger("httpx").setLevel(logging.WARNING)

_LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Have a line printed at the end of the run, with the test's name."""
    lines = request.config.stash.setdefault(_LINES, [])
    return lambda line: lines.append(f"{request.node.name}: {line}")


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Name a file for what a long run has to say; `make clean` removes it."""

    def named(name: str) -> Path:
        folder = request.config.rootpath / "test-results"
        folder.mkdir(exist_ok=True)
        return folder / name

    return named


@pytest.fixture
def rounds() -> int:
    """How many kills a long run makes."""
    return int(os.environ.get("FAULT_ROUNDS", "30"))


@pytest.fixture
def seed() -> int:
    """What makes a long run's moments; the same one makes the same."""
    return int(os.environ.get("FAULT_SEED", "20"))


@pytest.fixture
def only() -> str:
    """What must be in the name of a kind of fault, as in `postgres cut`; by default every kind is played."""
    return os.environ.get("FAULT_ONLY", "")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was told."""
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)

"""A pytest plugin for whoever makes a device or an app: a running Vigil, and devices registered in it.

Installed with Vigil and found by pytest itself (entry point `vigil`). docs/testing-a-device.md shows its use:

    def test_a_press_reaches_the_dispatcher(vigil_device):
        phone = vigil_device("phone")
        press(phone)                                  # your app
        assert phone.await_alert("panic", within_s=2)["severity"] == "critical"
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # pytest loads this in every run: nothing else is imported before it is used
    from simulators.testbed import DeviceMaker, VigilService


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the address of a Vigil that runs already."""
    group = parser.getgroup("vigil", "a Vigil to test devices against")
    group.addoption("--vigil-api", metavar="URL", help="use the Vigil that runs there; else one is started")
    group.addoption("--vigil-broker", metavar="URL", help="its broker, with --vigil-api")
    group.addoption(
        "--vigil-token", metavar="TOKEN", help="a supervisor's, with --vigil-api: vigil token create --user U"
    )


def pytest_configure(config: pytest.Config) -> None:
    """See that whoever names a Vigil also tells how to get in, before any test runs."""
    said = config.getoption
    if said("--vigil-api") is not None and not (said("--vigil-broker") and said("--vigil-token")):
        raise pytest.UsageError("--vigil-api needs --vigil-broker and --vigil-token")


@pytest.fixture(scope="session")
def vigil_service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[VigilService]":
    """A running Vigil: `vigil up` on free ports with a data directory of its own, stopped in the end.

    With `--vigil-api`, `--vigil-broker` and `--vigil-token` it is the one that runs there.
    """
    from simulators.testbed import running_service, started_service

    said = request.config.getoption
    api = said("--vigil-api")
    if api is not None:
        with running_service(api, said("--vigil-broker"), said("--vigil-token")) as service:
            yield service
        return
    with started_service(tmp_path_factory.mktemp("vigil") / "data") as service:
        yield service


@pytest.fixture
def vigil_device(vigil_service: "VigilService") -> "DeviceMaker":
    """Makes devices: `vigil_device(kind="phone", codec="native")`, each with a nurse of its own."""
    return vigil_service.device

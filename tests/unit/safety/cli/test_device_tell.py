"""`vigil device tell` and `told`: what is typed becomes what is owed."""

import pytest

from tests.unit.safety.cli.conftest import Vigil


@pytest.fixture
def device(vigil: Vigil, org: str) -> str:
    nurse = vigil.add("nurse", "add", "--org", org, "--name", "Li Na")
    return vigil.add("device", "add", "--kind", "phone", "--nurse", nurse)


def test_what_is_told_is_queued_and_shown(vigil: Vigil, device: str) -> None:
    said, identity = vigil("device", "tell", device, "message", "请回电")
    assert said == f"queued message for {device}"
    vigil.json("device", "tell", device, "configure", "fix_every=10s", "--for", "2h")
    vigil.json("device", "tell", device, "configure", "fix_every=own")
    vigil.json("device", "tell", device, "resend", "118-240")
    located = vigil.json("device", "tell", device, "locate")
    assert (located["device"], located["kind"], located["state"]) == (device, "locate", "queued")
    items = vigil.json("device", "told", device)["items"]
    assert sorted((item["kind"], str(item["details"])) for item in items) == [
        ("configure", "{'fix_every_s': 10.0}"),
        ("configure", "{'fix_every_s': None}"),
        ("locate", "None"),
        ("message", "{'text': 'dispatcher', 'words': '请回电'}"),
        ("resend", "{'first_seq': 118, 'last_seq': 240}"),
    ]
    assert {item["state"] for item in items} == {"queued"}
    assert {item["asked_by"].partition(":")[0] for item in items} == {"cli"}
    table = "\n".join(vigil("device", "told", device))
    assert identity in table


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("message",), "text is what she is to read"),
        (("configure", "loud=yes"), "expected fix_every=10s"),
        (("configure", "fix_every=soon"), "soon"),
        (("configure", "fix_every=0"), "out of bounds"),
        (("resend", "9"), "e.g. 118-240"),
        (("resend", "9-3"), "9 to 3"),
        (("locate", "now"), "takes no value"),
        (("locate", "--for", "90d"), "out of bounds"),
    ],
)
def test_what_cannot_be_told_is_one_line(
    vigil: Vigil, device: str, typed: tuple[str, ...], said: str
) -> None:
    assert said in vigil.failure("device", "tell", device, *typed)


def test_bad_usage_and_unknown_devices(vigil: Vigil, device: str) -> None:
    vigil.misuse("device", "tell", device, "explode")
    assert "no device dev_x" in vigil.failure("device", "tell", "dev_x", "locate")
    assert "no device dev_x" in vigil.failure("device", "told", "dev_x")


def test_what_hears_nothing_is_told_nothing(vigil: Vigil, device: str) -> None:
    vigil("device", "revoke", device)
    assert "revoked" in vigil.failure("device", "tell", device, "locate")

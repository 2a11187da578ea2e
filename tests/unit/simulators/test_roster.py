"""The roster: what is read, what is refused, and who belongs together."""

from pathlib import Path

import pytest

from devices.rfc3339 import parse_rfc3339
from simulators.errors import BadFile
from simulators.roster import PlannedVisit, load_roster

ANNA = '{"id": "dev_1", "secret": "s", "kind": "phone", "nurse": "nur_1", "role": "panic"}'
BEA = '{"id": "dev_2", "secret": "s", "kind": "button", "nurse": "nur_1", "codec": "native"}'


@pytest.mark.parametrize(
    "text",
    [f'{{"devices": [{ANNA}, {BEA}]}}', f"[{ANNA}, {BEA}]", f"{ANNA}\n{BEA}\n"],
    ids=["roster", "list", "lines"],
)
def test_a_roster_is_read_in_each_of_its_forms(tmp_path: Path, text: str) -> None:
    path = tmp_path / "roster.json"
    path.write_text(text)
    roster = load_roster(path)
    assert [(device.id, device.kind, device.role) for device in roster.devices] == [
        ("dev_1", "phone", "panic"),
        ("dev_2", "button", "routine"),
    ]
    assert {nurse: len(devices) for nurse, devices in roster.by_nurse().items()} == {"nur_1": 2}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "truncated"),
        ("[]", "no devices"),
        ('[{"id": "dev_1"}]', "secret"),
        ('[{"id": "dev_1", "secret": "s", "kind": "kettle"}]', "kettle"),
        ('[{"id": "dev_1", "secret": "s", "visit": {"lat": 131, "lon": 0}}]', "lat"),
        ('[{"id": "dev_1", "secret": "s", "visit": {"lat": 1, "lon": 0, "starts_at": "today"}}]', "today"),
    ],
)
def test_a_bad_roster_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "roster.json"
    path.write_text(text)
    with pytest.raises(BadFile, match=r"roster\.json") as refusal:
        load_roster(path)
    assert said in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot read roster"):
        load_roster(tmp_path / "gone.json")


def test_a_visit_covers_its_time() -> None:
    visit = PlannedVisit(lat=0, lon=0, starts_at="2026-11-22T08:00:00+08:00", ends_at="2026-11-22T01:00:00Z")
    assert visit.covers(parse_rfc3339("2026-11-22T00:30:00Z"))
    assert not visit.covers(parse_rfc3339("2026-11-21T23:59:59Z"))
    assert not visit.covers(parse_rfc3339("2026-11-22T01:00:00Z"))
    assert PlannedVisit(lat=0, lon=0).covers(0)

"""The table of how long people waited, and what is late."""

from random import Random

from tests.faults.nemesis import Fault, dealt
from tests.faults.waits import Wait, late, table

WAITS = [
    Wait("process kill", True, 6.0),
    Wait("process kill", False, 1.0),
    Wait("process kill", True, 11.0),
    Wait("process kill", False, 9.0),
    Wait("process kill", True, 7.0),
    Wait("process kill", False, 2.0),
    Wait("postgres kill", False, 3.0),
]


def test_a_row_for_each_kind_with_median_and_worst() -> None:
    assert table(WAITS)[2:] == [
        "| postgres kill | 1 | – | 3.0, 3.0 |",
        "| process kill | 3 | 7.0, 11.0 | 2.0, 9.0 |",
    ]


def test_medians_are_held_against_the_targets() -> None:
    assert late(WAITS, ["process"]) == []
    slow = [*WAITS, Wait("postgres kill", False, 8.0), Wait("kafka kill", True, 30.0)]
    assert late(slow, ["process"]) == ["postgres kill: 5.5, 8.0 s after healing, above 5 s"]
    stuck = [wait._replace(took_s=wait.took_s + 5) for wait in WAITS]
    assert [one.partition(":")[0] for one in late(stuck, ["process"])] == [
        "postgres kill",
        "process kill",
        "process kill",
    ]


def test_faults_are_dealt_by_kind_and_alike_for_a_seed() -> None:
    faults = [Fault(who, how) for who in ("route-1", "route-2", "postgres") for how in ("kill", "pause")]
    one, again = dealt(faults, Random(3)), dealt(faults, Random(3))
    first = [next(one) for _ in range(8)]
    assert first == [next(again) for _ in range(8)]
    kinds = {fault.kind for fault in faults}
    assert {fault.kind for fault in first[:4]} == {fault.kind for fault in first[4:]} == kinds

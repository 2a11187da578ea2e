"""The outbox: nothing is lost, the order of fixes holds, lists keep to the contract's limit."""

import json

from hypothesis import given
from hypothesis import strategies as st

from simulators.outbox import MAX_LIST, Letter, Outbox


def letter(seq: int, channel: str = "event") -> Letter:
    return Letter(channel, "check_in", (seq, seq), b"{}")


def drain(outbox: Outbox) -> list[Letter]:
    sent = []
    while (first := outbox.first()) is not None:
        sent.append(first)
        outbox.confirmed(first)
    return sent


def put_fixes(outbox: Outbox, count: int, start: int = 0) -> None:
    for seq in range(start, start + count):
        outbox.put_fix(seq, json.dumps({"seq": seq}).encode())


def test_one_fix_goes_alone_and_a_gap_as_lists() -> None:
    outbox = Outbox()
    put_fixes(outbox, 1)
    assert [sent.payload for sent in drain(outbox)] == [b'{"seq": 0}']
    put_fixes(outbox, 2_300, start=1)
    lists = [json.loads(sent.payload) for sent in drain(outbox)]
    assert [len(each) for each in lists] == [MAX_LIST, MAX_LIST, 300]
    assert [fix["seq"] for each in lists for fix in each] == list(range(1, 2_301))


def test_letters_go_before_fixes_and_what_is_not_confirmed_stays() -> None:
    outbox = Outbox()
    put_fixes(outbox, 1)
    outbox.put(letter(1))
    first = outbox.first()
    assert first is not None
    assert first.channel == "event"
    assert outbox.first() is first, "not confirmed: it is the next one again"
    assert len(drain(outbox)) == 2
    assert len(outbox) == 0


def test_a_fix_that_comes_while_a_list_is_under_way_is_not_confirmed_with_it() -> None:
    outbox = Outbox()
    put_fixes(outbox, 3)
    under_way = outbox.first()
    assert under_way is not None
    put_fixes(outbox, 1, start=3)
    outbox.confirmed(under_way)
    assert [sent.seqs for sent in drain(outbox)] == [(3, 3)]


def test_only_the_newest_status_waits() -> None:
    outbox = Outbox()
    for seq in range(3):
        outbox.put(letter(seq, "status"))
    assert [sent.seqs for sent in drain(outbox)] == [(2, 2)]


def test_a_full_memory_loses_the_oldest_fixes_and_counts_them() -> None:
    outbox = Outbox()
    put_fixes(outbox, 20_010)
    assert outbox.dropped == 10
    assert drain(outbox)[0].seqs[0] == 10


def test_sent_fixes_are_sent_again_when_asked_for() -> None:
    outbox = Outbox()
    put_fixes(outbox, 10)
    drain(outbox)
    assert outbox.resend(3, 5) == 3
    assert outbox.resend(100, 200) == 0
    [again] = drain(outbox)
    assert (again.channel, again.seqs) == ("location", (3, 5))
    assert [fix["seq"] for fix in json.loads(again.payload)] == [3, 4, 5]


@given(st.lists(st.sampled_from(["fix", "letter", "send", "fail"]), max_size=60))
def test_everything_is_sent_once_confirmed_and_fixes_in_order(acts: list[str]) -> None:
    outbox, seq, sent = Outbox(), 0, []
    for act in acts:
        if act == "fix":
            put_fixes(outbox, 1, start=seq)
            seq += 1
        elif act == "letter":
            outbox.put(letter(seq))
            seq += 1
        elif (first := outbox.first()) is not None and act == "send":
            outbox.confirmed(first)
            sent.append(first)
    sent += drain(outbox)
    fixes = [number for each in sent if each.channel == "location" for number in _seqs(each)]
    letters = [each.seqs[0] for each in sent if each.channel == "event"]
    assert sorted(fixes + letters) == list(range(seq))
    assert fixes == sorted(fixes)


def _seqs(each: Letter) -> list[int]:
    content = json.loads(each.payload)
    return [fix["seq"] for fix in (content if isinstance(content, list) else [content])]

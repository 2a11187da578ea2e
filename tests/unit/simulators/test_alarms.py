"""The alarm book: each alarm is said until it is received, with growing pauses, and never forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from simulators.alarms import BACKOFF_S, AlarmBook, PendingAlarm


def alarm(name: str, seq: int = 0, due_s: float = 0.0) -> PendingAlarm:
    return PendingAlarm(name, seq, "panic", b"{}", due_s)


def test_the_pauses_grow_and_then_stay() -> None:
    book, now_s, pauses_s = AlarmBook(), 0.0, []
    book.add(alarm("a"))
    for _ in range(6):
        said = book.due(now_s)
        assert said is not None
        book.said(said, now_s)
        assert book.due(now_s) is None
        due_s = book.next_due_s()
        assert due_s is not None
        pauses_s.append(due_s - now_s)
        now_s = due_s
    assert pauses_s == [*BACKOFF_S, 10.0, 10.0]


def test_a_new_connection_says_everything_again_at_once() -> None:
    book = AlarmBook()
    for name in ("a", "b"):
        book.add(alarm(name))
    for name in ("a", "b"):
        said = book.due(5.0)
        assert said is not None, name
        book.said(said, 5.0)
    book.say_all_now(5.5)
    assert book.due(5.5) is not None
    assert book.next_due_s() == 5.5


def test_the_receipt_ends_it_by_name_or_by_seq() -> None:
    book = AlarmBook()
    book.add(alarm("a", 3))
    book.add(alarm("4", 4))
    book.add(alarm("c", 5))
    assert not book.received("other", 3), "the name counts, not the seq, where there is one"
    assert book.received("a", None)
    assert book.received("4", 4), "without a name of its own, its seq is its name"
    assert book.received(None, 5)
    assert not book.received(None, 5)
    assert len(book) == 0


@given(
    names=st.lists(st.text(min_size=1, max_size=3), unique=True, min_size=1, max_size=6),
    steps_s=st.lists(st.floats(0.01, 12), min_size=1, max_size=40),
    heard=st.data(),
)
def test_nothing_is_forgotten_before_its_receipt(
    names: list[str], steps_s: list[float], heard: st.DataObject
) -> None:
    book, waiting, now_s = AlarmBook(), set(names), 0.0
    for seq, name in enumerate(names):
        book.add(alarm(name, seq))
    for step_s in steps_s:
        now_s += step_s
        while (due := book.due(now_s)) is not None:
            assert due.name in waiting
            book.said(due, now_s)
        received = heard.draw(st.booleans())
        if waiting and received:
            name = heard.draw(st.sampled_from(sorted(waiting)))
            assert book.received(name, None)
            waiting.discard(name)
        assert len(book) == len(waiting)
        due_s = book.next_due_s()
        assert (due_s is None) == (not waiting)
        assert due_s is None or due_s <= now_s + max(BACKOFF_S)

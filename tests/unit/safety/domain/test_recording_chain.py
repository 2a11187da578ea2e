"""The chain of segments: whatever is taken out of it, but its last link, shows."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from safety.domain.recording_chain import Segment, is_intact, links


def chain(length: int, device: str = "dev_r", start: int = 0) -> list[Segment]:
    names = [f"{device}-{number}" for number in range(start - 1, start + length)]
    return [
        Segment(device, sha, before if start or number else None)
        for number, (before, sha) in enumerate(pairwise(names))
    ]


def intact(segments: list[Segment], known: set[tuple[str, str]] | None = None) -> bool | None:
    return is_intact(links(segments, known or set()))


def test_a_whole_chain_is_intact() -> None:
    assert links(chain(4), set()) == ["first", "linked", "linked", "linked"]
    assert intact(chain(4)) is True


def test_where_no_segment_says_what_it_follows_nothing_can_be_said() -> None:
    loose = [segment._replace(previous=None) for segment in chain(3)]
    assert links(loose, set()) == ["first", "unchained", "unchained"]
    assert intact(loose) is None
    assert intact([]) is None


@given(st.integers(3, 12), st.data())
def test_a_segment_that_is_taken_out_shows(length: int, data: st.DataObject) -> None:
    whole = chain(length)
    out = data.draw(st.integers(0, length - 2))
    cut = whole[:out] + whole[out + 1 :]
    assert intact(cut) is False
    assert links(cut, set())[out] == "gap"


@given(st.integers(2, 12), st.data())
def test_a_segment_that_is_replaced_shows(length: int, data: st.DataObject) -> None:
    whole = chain(length)
    at = data.draw(st.integers(0, length - 2))
    whole[at] = whole[at]._replace(sha256="another")
    assert intact(whole) is False


def test_two_that_follow_the_same_are_a_fork() -> None:
    whole = chain(3)
    assert links([*whole, Segment("dev_r", "other", "dev_r-1")], set())[2:] == ["fork", "fork"]


def test_a_segment_told_twice_is_no_fork() -> None:
    whole = chain(3)
    assert intact([*whole, whole[-1]]) is True


def test_a_chain_goes_on_from_the_visit_before() -> None:
    later = chain(3, start=5)
    assert links(later, set())[0] == "gap"
    assert intact(later, {("dev_r", "dev_r-4")}) is True
    # What another recorder has recorded is no link of this one's.
    assert intact(later, {("dev_x", "dev_r-4")}) is False


@given(st.permutations(range(4)))
def test_two_recorders_have_a_chain_each(order: list[int]) -> None:
    both = [chain(2), chain(2, "dev_s")]
    segments = sorted(
        (one for some in both for one in some),
        key=lambda one: (int(one.sha256[-1]), order[0] % 2, one.device),
    )
    assert intact(segments) is True

"""Device import: every fault of a table is told, with its line and column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety.domain.device_import import MAX_ROWS, DeviceRow, decode_table, read_table
from safety.errors import InvalidInput

KINDS = ("phone", "recorder", "button")
CODECS = ("native", "owntracks", "chirpstack")


def faults(text: str) -> list[str]:
    return [str(fault) for fault in read_table(text, KINDS, CODECS)[1]]


def test_a_table_is_read_whatever_the_order_of_its_columns() -> None:
    text = "external_id,NURSE,kind,codec\n,Li Na,phone,\n 24E124535B316056 ,nur_1,Button,chirpstack\n\n,,,\n"
    assert read_table(text, KINDS, CODECS) == (
        [
            DeviceRow(2, "phone", "Li Na", "native", None),
            DeviceRow(3, "button", "nur_1", "chirpstack", "24E124535B316056"),
        ],
        [],
    )


def test_every_fault_is_told_not_only_the_first() -> None:
    text = (
        "kind,nurse,codec,external_id\n"
        "pager,Li Na,native,\n"
        "phone,,morse,\n"
        'button,"Li\nNa",chirpstack,\n'
        "button,Li Na,chirpstack,24E124535B3160AB\n"
        "button,Li Na,chirpstack,24e124535b3160ab\n"
        "phone,Li Na,native,,more\n"
        "button,Li Na,chirpstack,nothex\n"
    )
    assert faults(text) == [
        "line 2, kind: 'pager' is unknown: expected phone or recorder or button",
        "line 3, codec: 'morse' is unknown: expected native or owntracks or chirpstack",
        "line 3, nurse: it is empty: expected the id or the name of a nurse",
        "line 4, external_id: it is empty: a chirpstack device is known by what its gateway calls it",
        "line 7, external_id: line 6 has the same one",
        "line 8: it has 5 cells: expected at most 4, as the head has",
        "line 9, external_id: 'nothex' is no DevEUI: expected 16 hex digits",
    ]


def test_a_head_that_cannot_be_used_is_told_at_once() -> None:
    assert faults("kind,nurse,colour,kind\nphone,Li Na,red,\n") == [
        "line 1, kind: the column is there twice",
        "line 1, colour: there is no such column: expected kind, nurse, codec, external_id",
    ]
    assert faults("") == [
        "line 1, kind: the column is missing from the head: expected kind, nurse, codec, external_id",
        "line 1, nurse: the column is missing from the head: expected kind, nurse, codec, external_id",
    ]
    assert faults("kind,nurse\n") == ["line 1: there is no device in the file"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_spreadsheets_of_all_countries_are_read(separator: str) -> None:
    text = separator.join(("kind", "nurse")) + "\r\n" + separator.join(("phone", "王芳")) + "\r\n"
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode(), text.encode("gb18030")):
        rows, wrong = read_table(decode_table(content), KINDS, CODECS)
        assert wrong == []
        assert [row.nurse for row in rows] == ["王芳"]


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no text"):
        decode_table(b"PK\x03\x04\xff\xff\xff")


def test_a_file_has_an_end() -> None:
    text = "kind,nurse\n" + "phone,nur_1\n" * (MAX_ROWS + 1)
    assert faults(text) == [f"line {MAX_ROWS + 2}: it is one more than the {MAX_ROWS} devices of one file"]


@given(st.text(alphabet=st.sampled_from('kind,nurse;"\n\r\x00\tphone\u2028x'), max_size=60))
def test_nothing_is_raised_for_what_people_write(text: str) -> None:
    for content in (text, f"kind,nurse\n{text}"):
        rows, wrong = read_table(content, KINDS, CODECS)
        assert rows or wrong

"""Device import: a table of devices as people keep it, read whole, with every fault that it has."""

import csv
from collections.abc import Collection, Iterator
from typing import NamedTuple, Protocol

import msgspec

from safety.domain import checks
from safety.errors import InvalidInput

COLUMNS = ("kind", "nurse", "codec", "external_id")
_NEEDED = ("kind", "nurse")
EXTERNAL_CODECS = frozenset({"chirpstack", "traccar", "jt808", "gb28181"})
"""Someone else's server brings what these say, under the name that the device has there."""
MAX_ROWS = 5000
_SEPARATORS = ",;\t"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, in which line (from 1) and column of the file; None: the line as a whole."""

    line: int
    column: str | None
    problem: str

    def __str__(self) -> str:
        where = f"line {self.line}" if self.column is None else f"line {self.line}, {self.column}"
        return f"{where}: {self.problem}"


class _Lines(Protocol):
    """A csv reader: rows, and how many lines of the file it has read."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


class DeviceRow(NamedTuple):
    """A device to be added, as it stands in `line`; `nurse` is an id or a name."""

    line: int
    kind: str
    nurse: str
    codec: str
    external_id: str | None


def decode_table(content: bytes) -> str:
    """Return the text of a file: UTF-8, or GB 18030 as spreadsheets in China write it.

    Raises:
        InvalidInput: it is neither.
    """
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput("the file is no text: expected CSV in UTF-8")


def read_table(
    text: str, kinds: tuple[str, ...], codecs: tuple[str, ...]
) -> tuple[list[DeviceRow], list[Fault]]:
    """Return the devices of a CSV file with a head line, and every fault that can be told from it alone."""
    ended = (f"{line}\n" for line in text.removeprefix("\ufeff").split("\n"))
    lines = csv.reader(ended, delimiter=_separator(text))
    try:
        return _read(_numbered(lines), kinds, codecs)
    except csv.Error as error:
        return [], [Fault(lines.line_num, None, str(error))]


def _numbered(lines: "_Lines") -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold anything, each with the line on which it begins."""
    begins = 1
    for cells in lines:
        if any(cell.strip() for cell in cells):
            yield begins, [cell.strip() for cell in cells]
        begins = lines.line_num + 1


def _read(
    rows: Iterator[tuple[int, list[str]]], kinds: tuple[str, ...], codecs: tuple[str, ...]
) -> tuple[list[DeviceRow], list[Fault]]:
    line, head = next(rows, (1, []))
    columns = [name.lower() for name in head]
    faults = list(_head_faults(line, columns))
    if faults:
        return [], faults
    found: list[DeviceRow] = []
    for line, cells in rows:
        if len(cells) > len(columns):
            problem = f"it has {len(cells)} cells: expected at most {len(columns)}, as the head has"
            faults.append(Fault(line, None, problem))
            continue
        values = dict(zip(columns, cells, strict=False))
        row = DeviceRow(
            line=line,
            kind=values.get("kind", "").lower(),
            nurse=values.get("nurse", ""),
            codec=values.get("codec", "").lower() or "native",
            external_id=values.get("external_id") or None,
        )
        faults += _row_faults(row, kinds, codecs)
        found.append(row)
    faults += _file_faults(found)
    return found, sorted(faults, key=lambda fault: fault.line)


def _head_faults(line: int, columns: list[str]) -> Iterator[Fault]:
    expected = f"expected {', '.join(COLUMNS)}"
    for name in dict.fromkeys(columns):
        if name not in COLUMNS:
            yield Fault(line, name[:40] or "(empty)", f"there is no such column: {expected}")
        elif columns.count(name) > 1:
            yield Fault(line, name, "the column is there twice")
    for name in _NEEDED:
        if name not in columns:
            yield Fault(line, name, f"the column is missing from the head: {expected}")


def _row_faults(row: DeviceRow, kinds: Collection[str], codecs: tuple[str, ...]) -> Iterator[Fault]:
    for column, value, allowed in (("kind", row.kind, kinds), ("codec", row.codec, codecs)):
        if value not in allowed:
            yield Fault(row.line, column, f"{value[:40]!r} is unknown: expected {' or '.join(allowed)}")
    if not row.nurse:
        yield Fault(row.line, "nurse", "it is empty: expected the id or the name of a nurse")
    try:
        checks.external_id(row.external_id, row.codec, "it")
    except InvalidInput as error:
        yield Fault(row.line, "external_id", str(error))
    if row.external_id is None and row.codec in EXTERNAL_CODECS:
        problem = f"it is empty: a {row.codec} device is known by what its gateway calls it"
        yield Fault(row.line, "external_id", problem)


def _file_faults(rows: list[DeviceRow]) -> Iterator[Fault]:
    if not rows:
        yield Fault(1, None, "there is no device in the file")
    if len(rows) > MAX_ROWS:
        yield Fault(rows[MAX_ROWS].line, None, f"it is one more than the {MAX_ROWS} devices of one file")
    seen: dict[str, int] = {}
    for row in rows:
        if row.external_id is not None:
            first = seen.setdefault(row.external_id.lower(), row.line)
            if first != row.line:
                yield Fault(row.line, "external_id", f"line {first} has the same one")


def _separator(text: str) -> str:
    """Return what separates cells: spreadsheets use `;` where the comma is the decimal point."""
    head = text.partition("\n")[0]
    return max(_SEPARATORS, key=head.count)

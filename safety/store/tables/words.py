"""Words: the few values that a column of kinds or states may have, as conditions name them."""

from collections.abc import Collection

from sqlalchemy import Column, ColumnElement, bindparam


def one_of(column: Column[str], words: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that `column` is one of `words`, written out rather than as parameters.

    So SQLite finds the partial index that says the same, and PostgreSQL compares with what it knows when it
    plans; an array of parameters it makes anew for each row.
    """
    return column.in_(bindparam(None, sorted(words), expanding=True, literal_execute=True))

"""What psycopg needs to be told: only what is on PostgreSQL imports it."""

from typing import Any

from psycopg import Connection
from psycopg.types.string import StrDumperUnknown


class StrWithoutNul(StrDumperUnknown):
    """Writes text, whatever devices put into it: PostgreSQL alone refuses U+0000."""

    def dump(self, obj: str) -> Any:
        """Return the bytes of `obj`."""
        return super().dump(obj.replace("\x00", "\ufffd") if "\x00" in obj else obj)


def configure(connection: Connection[Any]) -> None:
    """Make a new connection the store's."""
    connection.adapters.register_dumper(str, StrWithoutNul)

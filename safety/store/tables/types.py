"""Column types that the databases name differently."""

from sqlalchemy import BigInteger, Integer

# SQLite counts up by itself only what is called INTEGER, which is as wide there.
SEQUENCE = BigInteger().with_variant(Integer, "sqlite")

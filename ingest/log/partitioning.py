"""Partitioning: which partition an entry belongs to, the same in every adapter and on every machine."""

from zlib import crc32

from ingest.log.port import NewEntry


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of `key` out of `partitions`: CRC-32 of its UTF-8, modulo their number.

    Part of the stored format: another function would part a nurse from her own past. Python's `hash`
    differs between processes and will not do.
    """
    return crc32(key.encode()) % partitions


def place(entry: NewEntry, partitions: int) -> int:
    """Return the partition that `entry` goes to: the one it names, else that of its key.

    Raises:
        ValueError: it names one that does not exist.
    """
    if entry.partition is None:
        return partition_of(entry.key, partitions)
    if not 0 <= entry.partition < partitions:
        raise ValueError(f"no partition {entry.partition}: there are {partitions}, counted from 0")
    return entry.partition

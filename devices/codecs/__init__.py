"""Codecs: bytes of one dialect to canonical reports, one module each; `dialects` lists them.

A codec turns a payload into reports or names the field that is wrong; it raises nothing but
`UnreadablePayload`.
"""

from collections.abc import Callable
from typing import NamedTuple

from devices.errors import UnreadablePayload
from devices.reports import Report


class Reading(NamedTuple):
    """What a codec read: the reports, and the faults of the parts that it could not read."""

    reports: list[Report]
    faults: list[UnreadablePayload]


Codec = Callable[[str, bytes, int], Reading]
"""`codec(channel, payload, received_ms)`: a report that lacks a readable time takes `received_ms`.

`channel` is what the way of arrival adds to the payload: see each codec's module. An empty reading means that
the payload says nothing of use here, as it should be.
"""

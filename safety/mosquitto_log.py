"""MosquittoLog: what Mosquitto's log tells of devices that tried more than they may.

Forms are those of Mosquitto 2.0 (src/handle_connect.c, src/handle_publish.c, src/send_connack.c, src/net.c).
What it denies it says with `log_type debug` only, and whose a client id is with `log_type notice`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from ingest.refused import BrokerReason, Refused

MOST_LETTERS = 100
"""Of one reading of the log; whoever is outside must not be able to fill the disk. All are counted."""
_PUBLISH = re.compile(r"(Denied|Dropped too large) PUBLISH from (\S+) \(d\d, q\d, r\d, m\d+, '(.*)', \.\.\. ")
_CONNECT = re.compile(r"New client connected from \S+ as (\S+) \((?:.*, u'(.*)'|.*)\)\.$")
_SUBSCRIBE = re.compile(r"Received SUBSCRIBE from (\S+)$")
_FILTER = re.compile(r"\t(.*) \(QoS \d\)$")
_CONNACK = re.compile(r"Sending CONNACK to (\S+) \(\d, (?:4|5|134|135)\)$")
_BAD_CERTIFICATE = re.compile(r"OpenSSL Error\[\d+\]: .*(certificate verify failed|peer did not return)")
_STAMP = re.compile(r"^(?:\d+|\d{4}-\d\d-\d\dT[\d:.+Z-]+): ")


class _Event(NamedTuple):
    reason: BrokerReason
    device: str | None
    topic: str
    explanation: str


class MosquittoLog:
    """Reads lines as they come; `may_subscribe` tells what a device may ask for.

    `own_login` is Vigil's at that broker: it subscribes to what all devices say, and that is no news.
    """

    def __init__(self, may_subscribe: Callable[[str, str], bool], own_login: str | None = None) -> None:
        self._may_subscribe = may_subscribe
        self._own_login = own_login
        self._own_clients: set[str] = set()
        self._subscriber: str | None = None

    def read(self, lines: Iterable[str]) -> list[Refused]:
        """Return what was refused in `lines`, the same things together."""
        events: Counter[_Event] = Counter()
        for line in lines:
            event = self._event(_STAMP.sub("", line.rstrip("\n")))
            if event is not None:
                events[event] += 1
        return _told(events)

    def _event(self, said: str) -> _Event | None:
        if self._subscriber is not None and (wanted := _FILTER.match(said)):
            device, topic = self._subscriber, wanted[1]
            if device in self._own_clients or self._may_subscribe(device, topic):
                return None
            # Mosquitto grants it, and then delivers nothing of it.
            return _Event("foreign_subscription", device, topic, f"device {device} may not subscribe to this")
        if connected := _CONNECT.match(said):
            self._note(*connected.groups())
        subscribing = _SUBSCRIBE.match(said)
        self._subscriber = subscribing[1] if subscribing else None
        if published := _PUBLISH.match(said):
            how, device, topic = published.groups()
            if how == "Denied":
                return _Event("foreign_topic", device, topic, f"device {device} may not publish here")
            return _Event("too_large", device, topic, "more than the broker takes")
        if refused := _CONNACK.match(said):
            return _Event("login_refused", None, "", f"wrong name or secret; from {refused[1]}")
        if bad := _BAD_CERTIFICATE.match(said):
            return _Event("login_refused", None, "", f"TLS: {bad[1]}")
        return None

    def _note(self, client: str, login: str | None) -> None:
        """Note whose a client id is now: a device may come with any that is free."""
        if login is not None and login == self._own_login:
            self._own_clients.add(client)
        else:
            self._own_clients.discard(client)


def _told(events: Mapping[_Event, int]) -> list[Refused]:
    """Return the events with how often each happened; those beyond `MOST_LETTERS` only add to the count."""
    told = [
        Refused(
            reason=event.reason,
            device=event.device,
            topic=event.topic,
            explanation=event.explanation + (f"; {count} times" if count > 1 else ""),
            count=count,
        )
        for event, count in events.items()
    ]
    if len(told) <= MOST_LETTERS:
        return told
    rest: Counter[BrokerReason] = Counter()
    for refused in told[MOST_LETTERS:]:
        rest[refused.reason] += refused.count
    others = [
        Refused(reason=reason, device=None, topic="", explanation=f"and {count} more", count=count)
        for reason, count in rest.items()
    ]
    return told[:MOST_LETTERS] + others

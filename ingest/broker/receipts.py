"""Receipts: the acknowledgements that a client waits for, and how much it has on the way to the log."""

from collections import deque
from collections.abc import Callable

from ingest.broker import packets
from ingest.broker.packets import Publish
from ingest.broker.sessions import Session

UNSETTLED_MESSAGES = 256
UNSETTLED_BYTES = 1024 * 1024
"""What one device may have on the way to the log before its connection is not read any more."""
HALF_RECEIVED = 1000
"""QoS 2 ids remembered for a client that never releases them; then they are forgotten, and may come twice."""


class Receipt:
    """An acknowledgement of `kind` that is due once its publish is settled."""

    __slots__ = ("due", "kind", "packet_id")

    def __init__(self, kind: int, packet_id: int) -> None:
        self.kind = kind
        self.packet_id = packet_id
        self.due = False


class Receipts:
    """Sends acknowledgements when they are due, in the order of their publishes [MQTT-4.6.0-2].

    `roomy` is called when there is room again after it was `full`.
    """

    def __init__(self, send: Callable[[bytes], None], roomy: Callable[[], None]) -> None:
        self._send = send
        self._roomy = roomy
        self._owed: deque[Receipt] = deque()
        self._messages = 0
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether the client should not be read for now."""
        return self._messages >= UNSETTLED_MESSAGES or self._bytes >= UNSETTLED_BYTES

    def owe(self, publish: Publish, session: Session) -> Callable[[], None]:
        """Note `publish` as unsettled, and return what settles it."""
        size = len(publish.payload)
        self._messages += 1
        self._bytes += size
        receipt: Receipt | None = None
        if publish.qos:
            kind = packets.PUBACK if publish.qos == 1 else packets.PUBREC
            receipt = Receipt(kind, publish.packet_id)
            self._owed.append(receipt)

        def settled() -> None:
            self._messages -= 1
            self._bytes -= size
            if receipt is not None:
                receipt.due = True
                if receipt.kind == packets.PUBREC:
                    if len(session.half_received) >= HALF_RECEIVED:
                        session.half_received.clear()
                    session.half_received.add(receipt.packet_id)
                self._pay()
            if self._messages <= UNSETTLED_MESSAGES // 2 and self._bytes <= UNSETTLED_BYTES // 2:
                self._roomy()

        return settled

    def _pay(self) -> None:
        while self._owed and self._owed[0].due:
            receipt = self._owed.popleft()
            self._send(packets.acknowledgement(receipt.kind, receipt.packet_id))

"""Connection: one client's TCP connection to the embedded broker, from CONNECT to its end."""

import asyncio
from collections.abc import Callable
from typing import cast

import structlog

from devices.certificates import client_certificate
from devices.clock import Clock
from devices.errors import RegistryUnavailable
from devices.identity import new_id
from ingest.broker import packets
from ingest.broker.doorman import Doorman
from ingest.broker.framing import Frame, Framer, ProtocolViolation, UnsupportedVersion
from ingest.broker.guard import Guard, Login, LoginRefused
from ingest.broker.hub import Hub
from ingest.broker.intake import PATIENCE_S, Intake
from ingest.broker.packets import Connect, Publish, Will
from ingest.broker.receipts import Receipts
from ingest.broker.sessions import Session
from ingest.limits import Budgets, Limits
from ingest.refused import HEAD_BYTES

log = structlog.get_logger(__name__)

MAX_LOGIN_BYTES = 128 * 1024
MAX_PACKET_BYTES = 4 * 1024 * 1024
"""A larger packet ends ingest's connection; a device has limits of its own."""
LOGIN_DEADLINE_S = 10.0
LONGEST_SILENCE_S = 3600.0
"""What a client that promises no keep-alive may be silent; without a limit a dead one would stay for ever."""
_GRACE = 1.5  # of the keep-alive, [MQTT-3.1.2-24]
_OURS = frozenset(
    {"window", "congestion", "pace"}
)  # why we do not read: its silence is no fault of the client's


class Connection(asyncio.Protocol):
    """Reads packets, acts on them, and acknowledges a device's publish once it is settled.

    While `_holds` is not empty nothing is read: TCP's own window then holds the client back.
    """

    def __init__(
        self,
        hub: Hub,
        guard: Guard,
        clock: Clock,
        ended: Callable[["Connection"], None],
        begun: Callable[["Connection"], None] | None = None,
        budgets: Budgets | None = None,
        doorman: Doorman | None = None,
    ) -> None:
        self._hub = hub
        self._guard = guard
        self._clock = clock
        self._begun = begun
        self._budgets = budgets or Budgets(Limits())
        self._doorman = doorman or Doorman(hub, clock)
        self._ended = ended
        self._framer = Framer(MAX_LOGIN_BYTES)
        self._holds: set[str] = set()
        self._receipts = Receipts(self.send, lambda: self._release("window"))
        self._session: Session | None = None
        self._intake: Intake | None = None
        self._will: Will | None = None
        self._login_task: asyncio.Task[None] | None = None
        self._writable = True
        self._closing = False
        self._heard_s = clock.monotonic_s()
        self._silence_s = LOGIN_DEADLINE_S
        self.login: Login | None = None

    # -- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._begun is not None:
            self._begun(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._ended(self)

    def data_received(self, data: bytes) -> None:
        if self._session is not None:
            self._heard_s = self._clock.monotonic_s()
        self._framer.feed(data)
        self._read()

    def pause_writing(self) -> None:
        self._writable = False
        if self.login is not None and not self.login.is_ingest:
            # Who does not read its answers may not ask for more of them.
            self._hold("deaf")

    def resume_writing(self) -> None:
        self._writable = True
        if self._session is not None:
            self._session.pump()
        self._release("deaf")

    # -- the session's side

    @property
    def writable(self) -> bool:
        return self._writable and not self._transport.is_closing()

    def send(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def kick(self, reason: str) -> None:
        """End the connection at once, with its will."""
        if self.login is not None:
            log.info("connection ended", action="broker.kicked", login=self.login.name, reason=reason)
        self._leave()
        self._transport.abort()

    def check(self, now_s: float) -> None:
        """End the connection if the client has been silent for longer than it promised, or stays too long."""
        if self._closing:
            self._transport.abort()
        self._closing = self._transport.is_closing()
        if self._holds & _OURS:
            self._heard_s = now_s
        elif now_s - self._heard_s > self._silence_s:
            self.kick("silent")
        since_s = None if self._intake is None else self._intake.flooding_since_s
        if since_s is not None and now_s - since_s > PATIENCE_S:
            self.kick("flood")

    # -- packets

    def _read(self) -> None:
        try:
            while not self._holds and not self._transport.is_closing():
                if self._session is None and self._framer.head not in {None, packets.CONNECT << 4}:
                    raise ProtocolViolation("the first packet is no CONNECT")
                frame = self._framer.next()
                if frame is None:
                    return
                if self._session is None:
                    self._introduced(packets.read_connect(frame))
                else:
                    self._act(frame, self._session)
        except UnsupportedVersion:
            self._refuse(packets.BAD_VERSION)
        except ProtocolViolation as violation:
            name = self.login.name if self.login else None
            log.info("protocol violated", action="broker.violation", login=name, reason=str(violation))
            self._transport.close()

    def _act(self, frame: Frame, session: Session) -> None:
        match frame.kind:
            case packets.PUBLISH:
                self._publish(packets.read_publish(frame), session, frame.cut)
            case packets.PUBACK:
                session.acknowledge(packets.read_acknowledged(frame))
            case packets.PUBREL:
                packet_id = packets.read_acknowledged(frame)
                session.half_received.discard(packet_id)
                self.send(packets.acknowledgement(packets.PUBCOMP, packet_id))
            case packets.SUBSCRIBE:
                self._subscribe(frame, session)
            case packets.UNSUBSCRIBE:
                packet_id, filters = packets.read_unsubscribe(frame)
                for topic_filter in filters:
                    self._hub.unsubscribe(session, topic_filter)
                self.send(packets.acknowledgement(packets.UNSUBACK, packet_id))
            case packets.PINGREQ:
                self.send(packets.PING_ANSWER)
            case packets.DISCONNECT:
                self._will = None
                self._transport.close()
            case _:
                raise ProtocolViolation(f"packet type {frame.kind} after the login")

    def _publish(self, publish: Publish, session: Session, cut: int) -> None:
        login = session.login
        if publish.qos == 2 and publish.packet_id in session.half_received:
            self.send(packets.acknowledgement(packets.PUBREC, publish.packet_id))
            return
        if login.is_ingest:
            settled = self._receipts.owe(publish, session)
            self._hub.from_ingest(publish.topic, publish.payload, publish.qos)
            settled()
            return
        if self._intake is not None:
            self._intake.take(publish, cut)
        if self._receipts.full:
            self._hold("window")

    def _subscribe(self, frame: Frame, session: Session) -> None:
        packet_id, wishes = packets.read_subscribe(frame)
        granted = []
        for topic_filter, qos in wishes:
            if self._intake is None or self._intake.may_hear(topic_filter):
                granted.append(self._hub.subscribe(session, topic_filter, qos))
            else:
                granted.append(packets.SUBSCRIPTION_REFUSED)
        self.send(packets.suback(packet_id, granted))

    # -- logging in

    def _introduced(self, connect: Connect) -> None:
        if not connect.client_id and not connect.clean:
            self._refuse(packets.BAD_CLIENT_ID)
            return
        self._hold("login")
        self._login_task = asyncio.get_running_loop().create_task(self._log_in(connect), name="broker login")

    async def _log_in(self, connect: Connect) -> None:
        peer = self._transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        try:
            certificate = client_certificate(self._transport.get_extra_info("peercert"))
            login = await self._guard.login(connect.username, connect.password, address, certificate)
        except LoginRefused as refusal:
            self._doorman.turned_away(address, refusal)
            self._refuse(packets.NOT_AUTHORIZED)
        except RegistryUnavailable as error:
            log.error("registry unavailable", action="broker.registry_unavailable", error=str(error))
            self._refuse(packets.UNAVAILABLE)
        else:
            if not self._transport.is_closing():
                self._welcome(login, connect)
                self._release("login")

    def _welcome(self, login: Login, connect: Connect) -> None:
        client_id = connect.client_id or new_id("client")
        session, present = self._hub.open(login, client_id, clean=connect.clean)
        self.login, self._session = login, session
        self._framer.max_bytes = MAX_PACKET_BYTES
        if not login.is_ingest:
            self._intake = self._new_intake(login, session)
        self._heard_s = self._clock.monotonic_s()
        self._silence_s = connect.keep_alive_s * _GRACE or LONGEST_SILENCE_S
        self._will = connect.will
        if self._will is not None and self._intake is not None and not self._intake.takes_will(self._will):
            # The device may still alarm: only its will is refused.
            self._will = None
        self.send(packets.connack(packets.ACCEPTED, session_present=present))
        session.attach(self)

    def _new_intake(self, login: Login, session: Session) -> Intake:
        limits = self._budgets.limits
        self._framer.max_bytes = limits.payload_bytes + packets.MAX_TOPIC_BYTES
        self._framer.head_bytes = HEAD_BYTES + packets.MAX_TOPIC_BYTES
        return Intake(
            self._hub,
            login,
            self._budgets,
            self._clock,
            owe=lambda publish: self._receipts.owe(publish, session),
            hold=self._hold,
            release=self._release,
        )

    def _refuse(self, code: int) -> None:
        self.send(packets.connack(code))
        self._transport.close()

    # -- holding back and leaving

    def _hold(self, reason: str) -> None:
        if not self._holds:
            self._transport.pause_reading()
        self._holds.add(reason)

    def _release(self, reason: str) -> None:
        if reason not in self._holds:
            return
        self._holds.discard(reason)
        if self._holds or self._transport.is_closing():
            return
        self._transport.resume_reading()
        self._read()

    def _leave(self) -> None:
        if self._intake is not None:
            self._intake.end()
        session, will = self._session, self._will
        self._will = None
        if session is None or session.peer is not self:
            return
        if will is not None:
            if session.login.is_ingest:
                self._hub.from_ingest(will.topic, will.payload, 1)
            else:
                self._hub.from_device(will.topic, will.payload)
        self._hub.left(session, self._clock.monotonic_s())

"""Admission: a message in, durable events or dead letters out: translate, admit, append."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import structlog

from devices import topics
from devices.clock import Clock
from devices.codecs import Codec, Reading
from devices.codecs.dialects import GATEWAYS
from devices.codecs.speakers import Part
from devices.errors import UnreadablePayload
from devices.registry.port import Device, DeviceRegistry, may_speak_for
from devices.reports import AlarmBase, Report
from ingest.dead_letters import Refusal
from ingest.draft import Draft
from ingest.lanes import ALARMS, DEAD_LETTERS, TELEMETRY
from ingest.log.port import EventLog, NewEntry
from ingest.message import Message
from ingest.metrics import IngestMetrics
from ingest.recent import RecentReports
from ingest.records import encode
from ingest.refused import Refused

_log = structlog.get_logger()
_NOBODYS = Refusal("unknown_topic", "no device publishes on this topic")


class Admitted(NamedTuple):
    """What became of one message: the reports that are logged, and what of it is a dead letter."""

    reports: list[Report]
    refusals: list[Refusal]


class Admission:
    """Admits messages from whichever way they come: broker, embedded broker or HTTP gateway.

    Every method returns only when all that it was given is durable, as events or as dead letters; only
    then may the message be acknowledged. What it raises is transient: do not acknowledge, so that the
    message comes again.

    Raises:
        LogUnavailable: the log cannot be written just now.
        RegistryUnavailable: the device cannot be looked up just now.
    """

    def __init__(
        self,
        registry: DeviceRegistry,
        codecs: Mapping[str, Codec],
        log: EventLog,
        clock: Clock,
        metrics: IngestMetrics,
    ) -> None:
        self._registry = registry
        self._codecs = codecs
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._recent = RecentReports()

    async def admit_all(self, messages: Sequence[Message | Refused]) -> None:
        """Admit `messages` together, as if one by one in their order; what a broker refused is kept.

        A message's topic says whose dialect it is in, whatever its device usually speaks, and `by` the login
        that published it; where the broker does not tell, it has seen to it that the login may.
        """
        draft = self._draft()
        for message in messages:
            if isinstance(message, Refused):
                self._keep(message, draft)
            else:
                self._take(message, draft)
        await self._append(draft)

    async def admit_from(
        self, device: Device, channel: str, payload: bytes, source: str | None = None
    ) -> Admitted:
        """Admit what `device`, known and not revoked, said on `channel`; return what became of it.

        `source` is what a dead letter names as its topic: the device's own, unless it came another way.
        """
        draft = self._draft()
        admitted = self._read(device, channel, payload, source, draft)
        await self._append(draft)
        return admitted

    async def admit_brought(
        self, speaker: Device, dialect: str, channel: str, payload: bytes, source: str
    ) -> Admitted:
        """Admit what `speaker`, a gateway or a device by itself, brought; return what became of it.

        Each device is taken at the speaker's word only as far as it may speak for it; what is of no device,
        or of another's, is a dead letter of the speaker's. But an alarm is an alarm: that of a device which
        nobody has registered is raised for a gateway's organisation.
        """
        draft = self._draft()
        admitted = self._part(speaker, dialect, channel, GATEWAYS[dialect](payload), source, draft)
        await self._append(draft)
        return admitted

    async def refuse(self, refused: Refused) -> None:
        """Keep what a broker did not let a device do."""
        await self.admit_all([refused])

    def _draft(self) -> Draft:
        return Draft(self._clock.now_ms(), self._recent)

    def _keep(self, refused: Refused, draft: Draft) -> None:
        refusal = Refusal(refused.reason, refused.explanation)
        draft.bury(refused.topic, refused.device, refused.payload, [refusal])

    def _take(self, message: Message, draft: Draft) -> None:
        topic, payload, by = message
        address = topics.address(topic)
        if address is None:
            if not topics.is_command(topic):
                draft.bury(topic, None, payload, [_NOBODYS])
            return
        if address.named == "external" and by is None:
            speaker = self._registry.find_external(address.who, address.dialect)
        else:
            speaker = self._registry.find(address.who if by is None else by)
        if speaker is None:
            refusal = Refusal("unknown_device", f"no device {address.who} is registered")
            draft.bury(topic, address.who, payload, [refusal])
        elif speaker.revoked:
            refusal = Refusal("revoked_device", f"device {speaker.id} was revoked")
            draft.bury(topic, speaker.id, payload, [refusal])
        elif address.named == "gateway":
            parts = GATEWAYS[address.dialect](payload)
            self._part(speaker, address.dialect, address.channel, parts, topic, draft)
        elif address.named == "external" and by is not None:
            parts = [Part((address.who,), payload)]
            self._part(speaker, address.dialect, address.channel, parts, topic, draft)
        else:
            if speaker.codec != address.dialect:
                speaker = msgspec.structs.replace(speaker, codec=address.dialect)
            self._read(speaker, address.channel, payload, topic, draft)

    def _read(
        self, device: Device, channel: str, payload: bytes, source: str | None, draft: Draft
    ) -> Admitted:
        draft.messages[channel if device.codec == "native" else device.codec] += 1
        reports, faults = self._translate(device, channel, payload, draft.received_ms)
        draft.report(device, reports)
        refusals: list[Refusal] = []
        if faults:
            refusals = [Refusal("unreadable", fault.reason, fault.field) for fault in faults]
            source = source or f"{topics.PREFIX}/{device.id}/{channel}"
            draft.bury(source, device.id, payload, refusals)
        return Admitted(reports, refusals)

    def _part(
        self,
        speaker: Device,
        dialect: str,
        channel: str,
        parts: Sequence[Part],
        source: str,
        draft: Draft,
    ) -> Admitted:
        admitted = Admitted([], [])
        for part in parts:
            device = self._spoken_for(speaker, part, dialect)
            if isinstance(device, Refusal):
                admitted.reports.extend(self._raise_for(speaker, part, dialect, channel, device, draft))
                draft.bury(source, speaker.id, part.payload, [device])
                admitted.refusals.append(device)
            else:
                reports, refusals = self._read(device, channel, part.payload, source, draft)
                admitted.reports.extend(reports)
                admitted.refusals.extend(refusals)
        return admitted

    def _raise_for(
        self, gateway: Device, part: Part, dialect: str, channel: str, refusal: Refusal, draft: Draft
    ) -> list[Report]:
        """Draft the alarms of a `part` of no device that `gateway` may speak for, as of nobody known."""
        if gateway.kind != "gateway" or refusal.reason == "revoked_device":
            return []
        name = next(iter(part.names), "")
        stranger = Device(
            # What the gateway calls it is all that a dispatcher can look for; but no gateway may take
            # another device's name for it, and have that one answered.
            id=name if topics.is_device_id(name) and self._registry.find(name) is None else gateway.id,
            kind="gateway",
            org=gateway.org,
            nurse=None,
            codec=dialect,
        )
        said = self._translate(stranger, channel, part.payload, draft.received_ms).reports
        alarms: list[Report] = [
            msgspec.structs.replace(report, doubts=(*report.doubts, "device"))
            for report in said
            if isinstance(report, AlarmBase)
        ]
        draft.report(stranger, alarms)
        return alarms

    def _spoken_for(self, speaker: Device, part: Part, dialect: str) -> Device | Refusal:
        """Return whose words `part` is, or why it is not taken from `speaker`."""
        found = (self._registry.find_external(name, dialect) for name in part.names)
        device = next((device for device in found if device is not None), None)
        if device is None:
            named = f"no device {part.names[0][:64]!r}" if part.names else "it names no device that"
            return Refusal("unknown_device", f"{named} is registered for {dialect}")
        if not may_speak_for(self._registry, speaker, device):
            return Refusal("foreign_device", f"{speaker.id} may not speak for {device.external_id}")
        if device.revoked:
            return Refusal("revoked_device", f"device {device.id} was revoked")
        return device

    def _translate(self, device: Device, channel: str, payload: bytes, received_ms: int) -> Reading:
        """Read `payload` in the device's dialect; whatever goes wrong is a fault, so nothing is lost."""
        codec = self._codecs.get(device.codec)
        if codec is None:
            return _nothing("$", f"no codec {device.codec} here: see `vigil device list`")
        try:
            reading = codec(channel, payload, received_ms)
        except UnreadablePayload as fault:
            return Reading([], [fault])
        except Exception as error:  # noqa: BLE001 a codec's bug must not make a message that is delivered for ever
            # Its text and traceback may quote the payload: the type must do.
            kind = type(error).__name__
            _log.error(
                "codec failed", action="codec_failed", codec=device.codec, device=device.id, error=kind
            )
            return _nothing("$", f"codec {device.codec} failed: {kind}")
        return reading

    async def _append(self, draft: Draft) -> None:
        """Append to the alarm lane first and alone: its commit shares the disk with no other."""
        for channel, count in draft.messages.items():
            self._metrics.messages.labels(channel).inc(count)
        self._metrics.duplicates.inc(draft.duplicates)
        await self._append_to(ALARMS, draft.alarms)
        await self._append_to(TELEMETRY, draft.telemetry)
        self._recent.remember(draft.marks)
        await self._append_to(
            DEAD_LETTERS, [NewEntry(letter.device or "", encode(letter)) for letter in draft.dead]
        )
        for letter in draft.dead:
            self._metrics.dead_letters.labels(letter.reason).inc()
            _log.debug("message refused", action="dead_letter", reason=letter.reason, letter=letter.id)

    async def _append_to(self, topic: str, entries: Sequence[NewEntry]) -> None:
        if not entries:
            return
        start_s = self._clock.monotonic_s()
        await self._log.append(topic, entries)
        self._metrics.append_s.labels(topic).observe(self._clock.monotonic_s() - start_s)
        self._metrics.events.labels(topic).inc(len(entries))


def _nothing(field: str, reason: str) -> Reading:
    return Reading([], [UnreadablePayload(field, reason)])

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
from ingest.dead_letters import Refusal, letters
from ingest.lanes import ALARMS, DEAD_LETTERS, TELEMETRY
from ingest.log.port import EventLog, NewEntry
from ingest.metrics import IngestMetrics
from ingest.recent import RecentReports
from ingest.records import Arrival, encode
from ingest.refused import Refused

_log = structlog.get_logger()


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

    async def admit(self, topic: str, payload: bytes, by: str | None = None) -> None:
        """Admit what was published on `topic`, whose dialect it is in, whatever its device usually speaks.

        `by` is the login that published it, where the broker tells; where not, the broker has seen to it
        that the login may.
        """
        address = topics.address(topic)
        if address is None and topics.is_command(topic):
            return
        if address is None:
            refusal = Refusal("unknown_topic", "no device publishes on this topic")
            await self._bury(topic, None, payload, [refusal])
            return
        if address.named == "external" and by is None:
            speaker = self._registry.find_external(address.who, address.dialect)
        else:
            speaker = self._registry.find(address.who if by is None else by)
        if speaker is None:
            refusal = Refusal("unknown_device", f"no device {address.who} is registered")
            await self._bury(topic, address.who, payload, [refusal])
        elif speaker.revoked:
            refusal = Refusal("revoked_device", f"device {speaker.id} was revoked")
            await self._bury(topic, speaker.id, payload, [refusal])
        elif address.named == "gateway":
            await self.admit_brought(speaker, address.dialect, address.channel, payload, topic)
        elif address.named == "external" and by is not None:
            part = Part((address.who,), payload)
            await self._admit_parts(speaker, address.dialect, address.channel, [part], topic)
        else:
            if speaker.codec != address.dialect:
                speaker = msgspec.structs.replace(speaker, codec=address.dialect)
            await self.admit_from(speaker, address.channel, payload, topic)

    async def admit_from(
        self, device: Device, channel: str, payload: bytes, source: str | None = None
    ) -> Admitted:
        """Admit what `device`, known and not revoked, said on `channel`; return what became of it.

        `source` is what a dead letter names as its topic: the device's own, unless it came another way.
        """
        received_ms = self._clock.now_ms()
        self._metrics.messages.labels(channel if device.codec == "native" else device.codec).inc()
        reading = self._translate(device, channel, payload, received_ms)
        arrivals = [
            Arrival(device.id, device.nurse, device.org, received_ms, report) for report in reading.reports
        ]
        await self._append_events(device, arrivals)
        refusals = [Refusal("unreadable", fault.reason, fault.field) for fault in reading.faults]
        await self._bury(source or f"{topics.PREFIX}/{device.id}/{channel}", device.id, payload, refusals)
        return Admitted(reading.reports, refusals)

    async def admit_brought(
        self, speaker: Device, dialect: str, channel: str, payload: bytes, source: str
    ) -> Admitted:
        """Admit what `speaker`, a gateway or a device by itself, brought; return what became of it.

        Each device is taken at the speaker's word only as far as it may speak for it; what is of no device,
        or of another's, is a dead letter of the speaker's. But an alarm is an alarm: that of a device which
        nobody has registered is raised for a gateway's organisation.
        """
        return await self._admit_parts(speaker, dialect, channel, GATEWAYS[dialect](payload), source)

    async def _admit_parts(
        self, speaker: Device, dialect: str, channel: str, parts: Sequence[Part], source: str
    ) -> Admitted:
        # All are looked up before any is logged: what fails here fails whole, and comes again whole.
        spoken_for = [(part, self._spoken_for(speaker, part, dialect)) for part in parts]
        admitted = Admitted([], [])
        for part, device in spoken_for:
            if isinstance(device, Refusal):
                admitted.reports.extend(await self._raise_for(speaker, part, dialect, channel, device))
                await self._bury(source, speaker.id, part.payload, [device])
                admitted.refusals.append(device)
            else:
                reports, refusals = await self.admit_from(device, channel, part.payload, source)
                admitted.reports.extend(reports)
                admitted.refusals.extend(refusals)
        return admitted

    async def _raise_for(
        self, gateway: Device, part: Part, dialect: str, channel: str, refusal: Refusal
    ) -> list[Report]:
        """Admit the alarms of a `part` of no device that `gateway` may speak for, as of nobody known."""
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
        received_ms = self._clock.now_ms()
        said = self._translate(stranger, channel, part.payload, received_ms).reports
        alarms: list[Report] = [
            msgspec.structs.replace(report, doubts=(*report.doubts, "device"))
            for report in said
            if isinstance(report, AlarmBase)
        ]
        arrivals = [Arrival(stranger.id, None, stranger.org, received_ms, alarm) for alarm in alarms]
        await self._append_events(stranger, arrivals)
        return alarms

    async def refuse(self, refused: Refused) -> None:
        """Keep what a broker did not let a device do."""
        refusal = Refusal(refused.reason, refused.explanation)
        await self._bury(refused.topic, refused.device, refused.payload, [refusal])

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

    async def _append_events(self, device: Device, arrivals: Sequence[Arrival]) -> None:
        """Append to the alarm lane first and alone: its commit shares the disk with no other."""
        urgent = [arrival for arrival in arrivals if arrival.report.urgent]
        # A repeated alarm is logged again: the device repeats it because it wants its answer again.
        fresh = [
            arrival for arrival in arrivals if arrival.report.urgent or not self._recent.repeats(arrival)
        ]
        self._metrics.duplicates.inc(len(arrivals) - len(fresh))
        await self._append(ALARMS, [NewEntry(device.key, encode(arrival)) for arrival in urgent])
        await self._append(TELEMETRY, [NewEntry(device.key, encode(arrival)) for arrival in fresh])
        for arrival in fresh:
            if not arrival.report.urgent:
                self._recent.remember(arrival)

    async def _bury(
        self, topic: str, device: str | None, payload: bytes, refusals: Sequence[Refusal]
    ) -> None:
        dead = letters(topic, device, self._clock.now_ms(), payload, refusals)
        await self._append(DEAD_LETTERS, [NewEntry(device or "", encode(letter)) for letter in dead])
        for letter in dead:
            self._metrics.dead_letters.labels(letter.reason).inc()
            _log.debug("message refused", action="dead_letter", reason=letter.reason, letter=letter.id)

    async def _append(self, topic: str, entries: Sequence[NewEntry]) -> None:
        if not entries:
            return
        start_s = self._clock.monotonic_s()
        await self._log.append(topic, entries)
        self._metrics.append_s.labels(topic).observe(self._clock.monotonic_s() - start_s)
        self._metrics.events.labels(topic).inc(len(entries))


def _nothing(field: str, reason: str) -> Reading:
    return Reading([], [UnreadablePayload(field, reason)])

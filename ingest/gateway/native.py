"""The native dialect over HTTP: `POST /gateway/native/{channel}`."""

from typing import Annotated

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from devices.commands import Command, encode
from devices.registry.port import Device
from devices.reports import AlarmBase, Report
from devices.topics import URGENT_CHANNELS, Channel
from ingest.admission import Admitted
from ingest.gateway.answers import Refused, json_answer
from ingest.gateway.body import CLOSE, read_body, too_large
from ingest.gateway.desk import Desk
from ingest.gateway.logins import basic_credentials

Seen = Annotated[
    list[str],
    Query(
        max_length=200, description="ids of commands that earlier answers brought: with commas, or several"
    ),
]


async def take(desk: Desk, request: Request, channel: Channel, seen: list[str]) -> Response:
    """Admit what a device says on `channel`; answer with what it is to be told.

    Raises:
        Refused: 401; 422 where nothing of it could be read, 413 where it is too large: then it is a dead
            letter; or it could not be made durable.
    """
    urgent = channel in URGENT_CHANNELS
    device = await desk.logins.device(request, basic_credentials(request), urgent=urgent)
    source = f"POST {request.url.path}"
    async with desk.places.device(device, urgent=urgent):
        body = await read_body(request, desk.places.limits.payload_bytes)
        desk.places.took(device, len(body.payload), urgent=urgent)
        cut = await desk.behead(device, body, source)
        if cut and not urgent:
            raise too_large(body)
        admitted = await desk.admit(device, "native", channel, body.payload, source)
    await _note_seen(desk, device, seen)
    if not admitted.reports:
        raise _unreadable(admitted)
    commands = await desk.hand_out(device.id, alarms=alarms_in(admitted.reports))
    faults = faults_in(Admitted(admitted.reports, cut + admitted.refusals))
    return json_answer(
        {"commands": payloads(commands), "faults": faults}, headers={} if body.is_whole else CLOSE
    )


async def _note_seen(desk: Desk, device: Device, seen: list[str]) -> None:
    named = [part.strip() for text in seen for part in text.split(",") if part.strip()]
    if named:
        await desk.mark_seen(device.id, named)


def alarms_in(reports: list[Report]) -> list[str | None]:
    """Return what the device calls the alarms among `reports`: their id, or else `seq` as text."""
    return [
        report.alarm if report.alarm is not None else (None if report.seq is None else str(report.seq))
        for report in reports
        if isinstance(report, AlarmBase)
    ]


def payloads(commands: list[Command]) -> list[msgspec.Raw]:
    """Return the native down payloads of `commands`."""
    return [msgspec.Raw(encode(command)) for command in commands]


def faults_in(admitted: Admitted) -> list[dict[str, str | None]]:
    """Return what of a message could not be read and is a dead letter."""
    return [{"field": one.field, "reason": one.explanation} for one in admitted.refusals]


def _unreadable(admitted: Admitted) -> Refused:
    first = admitted.refusals[0]
    detail = f"{first.field}: {first.explanation}; it is kept as a dead letter: do not repeat it"
    return Refused(422, "unreadable", detail, field=first.field, errors=faults_in(admitted))

"""The native dialect over HTTP: `POST /gateway/native/{channel}`."""

from typing import Annotated

import msgspec
from fastapi import Query, Request
from starlette.responses import Response

from devices.commands import Command, encode
from devices.reports import AlarmBase, Report
from devices.topics import URGENT_CHANNELS, Channel
from ingest.admission import Admitted
from ingest.gateway.answers import Refused, json_answer
from ingest.gateway.body import read_body
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
        Refused: 401, or 422 where nothing of it could be read; then it is a dead letter.
    """
    urgent = channel in URGENT_CHANNELS
    device = await desk.logins.device(request, basic_credentials(request), urgent=urgent)
    async with desk.place(device.id, urgent=urgent):
        payload = await read_body(request)
        admitted = await desk.admit(device, "native", channel, payload, f"POST {request.url.path}")
    named = [part.strip() for text in seen for part in text.split(",") if part.strip()]
    if named:
        await desk.mark_seen(device.id, named)
    if not admitted.reports:
        raise _unreadable(admitted)
    commands = await desk.hand_out(device.id, alarms=alarms_in(admitted.reports))
    return json_answer({"commands": payloads(commands), "faults": faults_in(admitted)})


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

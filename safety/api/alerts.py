"""Alerts: the list with its filters, and one with all that belongs to it."""

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Query

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.context import Services
from safety.api.paging import Moment, PageByTime
from safety.api.people import Seen
from safety.domain.alert import OPEN_STATES, State
from safety.errors import InvalidInput
from safety.rules.effects import AlertKind, Severity
from safety.store.alert_queries import AlertFilter, list_alerts, read_alert

router = APIRouter(tags=["alerts"])

_STATES = frozenset(get_args(State))
_KINDS = frozenset(get_args(AlertKind))
_SEVERITIES = frozenset(get_args(Severity))


def _several(name: str, known: frozenset[str], texts: list[str] | None) -> frozenset[str]:
    """Return what `texts` ask for: `?state=a,b` and `?state=a&state=b` mean the same."""
    given = frozenset(part.strip() for text in texts or () for part in text.split(",") if part.strip())
    if unknown := sorted(given - known):
        expected = f"one or more of {', '.join(sorted(known))}"
        raise InvalidInput(f"{name} {unknown[0]!r} is unknown: {expected}", name)
    return given


def _filter(
    state: Annotated[list[str] | None, Query(description="one or more states, or `open`")] = None,
    kind: Annotated[list[str] | None, Query(description="one or more kinds")] = None,
    severity: Annotated[list[str] | None, Query(description="one or more severities")] = None,
    nurse: str | None = None,
    org: Annotated[str | None, Query(description="this organisation and those below it")] = None,
    incident: Annotated[str | None, Query(description="the alert that opened the incident")] = None,
    since: Annotated[Moment | None, Query(description="raised at or after")] = None,
) -> AlertFilter:
    states = _several("state", _STATES | {"open"}, state)
    if "open" in states:
        states = (states - {"open"}) | OPEN_STATES
    kinds, severities = _several("kind", _KINDS, kind), _several("severity", _SEVERITIES, severity)
    return AlertFilter(states, kinds, severities, nurse, org, since, incident)


@router.get("/alerts", response_model=schemas.Page[schemas.Alert])
def alerts(
    wanted: Annotated[AlertFilter, Depends(_filter)], page: PageByTime, scope: Seen, services: Services
) -> Answer:
    """Return alerts, newest first."""
    now_ms = services.clock.now_ms()
    with services.database.reading() as connection:
        listed = list_alerts(connection, scope, wanted, page)
    return list_answer(listed, lambda row: views.alert(row, now_ms))


@router.get("/alerts/{alert}", response_model=schemas.AlertDetail)
def alert_detail(alert: str, scope: Seen, services: Services) -> Answer:
    """Return an alert with its timeline, visit, nurse and notifications."""
    with services.database.reading() as connection:
        detail = read_alert(connection, scope, alert)
    return Answer(views.alert_detail(detail, services.clock.now_ms()))

"""The fleet: many devices at once, those worth worrying about, who had them, and their tests."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from safety.api import schemas, views
from safety.api.answers import Answer, list_answer
from safety.api.bodies import Body
from safety.api.context import Services
from safety.api.devices import issued
from safety.api.paging import page_by
from safety.api.people import Editor, Seen
from safety.api.problems import Problem
from safety.rules.worries import TEST_EVERY_DAYS
from safety.store.bindings import read_bindings
from safety.store.device_board import list_untested, worrying_devices
from safety.store.device_import import check_table, import_devices
from safety.store.master_queries import read_device
from safety.store.planned_tests import MAX_WITHIN_S, WITHIN_S, plan_test
from safety.store.queries import MAX_LIMIT, Page, Scope

BOARD_LIMIT = 200
PageByTest = Annotated[Page, Depends(page_by(int, int, str))]

router = APIRouter(tags=["master data"])


class DeviceTable(Body):
    """A CSV table of devices; with `dry_run` it is only looked at.

    Nurses, whom it names by id or by name, are looked for in `org` and below it.
    """

    csv: Annotated[str, Field(max_length=900_000, description="with a head: kind, nurse, codec, external_id")]
    org: str | None = None
    dry_run: bool = False


class TestPlan(Body):
    """How long the next alarm of the device counts as a test."""

    within_s: Annotated[float, Field(ge=10, le=MAX_WITHIN_S)] = WITHIN_S


@router.get("/devices/board", response_model=schemas.Page[schemas.WorryingDevice])
def board(
    scope: Seen, services: Services, limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = BOARD_LIMIT
) -> Answer:
    """Return the devices worth worrying about, worst first, and why; the worst ones, without a cursor."""
    with services.database.reading() as connection:
        found = worrying_devices(connection, scope, services.clock.now_ms(), limit)
    return Answer({"items": [views.worrying(one) for one in found], "next": None})


@router.get("/devices/untested", response_model=schemas.Page[schemas.Device])
def untested(
    page: PageByTest,
    scope: Seen,
    services: Services,
    days: Annotated[float, Query(ge=0, le=3660)] = TEST_EVERY_DAYS,
) -> Answer:
    """Return the devices without a test alarm for so many days, those never tested first."""
    with services.database.reading() as connection:
        listed = list_untested(connection, scope, page, services.clock.now_ms(), days)
    return list_answer(listed, views.device)


@router.post("/devices/import", response_model=schemas.ImportedDevices)
def import_table(
    body: DeviceTable, request: Request, person: Editor, scope: Seen, services: Services
) -> Answer:
    """Add every device of a table, or none of them; a dry run tells every fault and adds nothing.

    The answer holds the secrets, which are never shown again. A table with faults that is no dry run is
    refused with all of them as `faults`.
    """
    now_ms = services.clock.now_ms()
    items = []
    with services.database.writing() as connection:
        org = body.org or person.org
        scope.require(connection, org)
        table = check_table(connection, body.csv, Scope(org).orgs(connection))
        faults = [views.fault(fault) for fault in table.faults]
        if not body.dry_run and not faults:
            made = import_devices(connection, table, actor=person.login, at_ms=now_ms)
            items = [
                issued(read_device(connection, scope, one.device.id), one.secret, request, services, qr=False)
                for one in made
            ]
    if faults and not body.dry_run:
        counted = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise Problem(422, f"the table has {counted}: nothing was imported", faults=faults)
    return Answer({"rows": len(table.rows), "faults": faults, "items": items})


@router.get("/devices/{device}/history", response_model=schemas.Page[schemas.Binding])
def history(device: str, scope: Seen, services: Services) -> Answer:
    """Return who had the device, newest first; of other organisations nothing."""
    with services.database.reading() as connection:
        read_device(connection, scope, device)
        rows = read_bindings(connection, device, scope)
    return Answer({"items": [views.binding(row) for row in rows], "next": None})


@router.post("/devices/{device}/test", response_model=schemas.Device)
def plan_device_test(device: str, body: TestPlan, person: Editor, scope: Seen, services: Services) -> Answer:
    """Have the device's next alarm be a test if it comes in time; a second or a silent one is real."""
    now_ms = services.clock.now_ms()
    with services.database.writing() as connection:
        read_device(connection, scope, device)
        plan_test(connection, device, body.within_s, actor=person.login, at_ms=now_ms)
        return Answer(views.device(read_device(connection, scope, device)))

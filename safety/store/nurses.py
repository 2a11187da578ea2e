"""Nurses: the people whose safety all of this is for."""

from collections.abc import Collection
from typing import TypedDict

import msgspec
from sqlalchemy import Connection, select

from devices.identity import hash_pin, new_id
from safety.domain import checks
from safety.errors import InvalidInput, NotFound
from safety.store.changes import record_change, replan_nurse
from safety.store.orgs import find_org
from safety.store.tables import nurses

_COLUMNS = (nurses.c.id, nurses.c.name, nurses.c.org, nurses.c.phone)


class Nurse(msgspec.Struct, frozen=True, kw_only=True):
    """A nurse; her pins are never read back."""

    id: str
    name: str
    org: str
    phone: str | None


class NurseChanges(TypedDict, total=False):
    """What may be changed of a nurse; a pin of None is taken away, and the duress pin with it."""

    name: str
    phone: str | None
    pin: str | None
    duress_pin: str | None


def add_nurse(
    connection: Connection,
    *,
    org: str,
    name: str,
    phone: str | None = None,
    pin: str | None = None,
    duress_pin: str | None = None,
    actor: str,
    at_ms: int,
) -> str:
    """Add a nurse and return her id.

    Raises:
        InvalidInput: a value cannot be taken.
        NotFound: there is no organisation `org`.
    """
    find_org(connection, org)
    checks.pins(pin, duress_pin)
    nurse = new_id("nur")
    connection.execute(
        nurses.insert().values(
            id=nurse,
            org=org,
            name=checks.text(name, "name"),
            phone=checks.optional_text(phone, "phone", 40),
            pin_hash=_hashed(nurse, pin),
            duress_pin_hash=_hashed(nurse, duress_pin),
            created_ms=at_ms,
        )
    )
    replan_nurse(connection, nurse)
    record_change(connection, "nurse_added", nurse, org=org, actor=actor, at_ms=at_ms)
    return nurse


def update_nurse(
    connection: Connection, nurse: str, changes: NurseChanges, *, actor: str, at_ms: int
) -> Nurse:
    """Change what `changes` names and return the nurse as she is now.

    Raises:
        InvalidInput: a value cannot be taken.
        NotFound: there is no such nurse.
    """
    known = find_nurse(connection, nurse)
    values: dict[str, str | None] = {}
    if "name" in changes:
        values["name"] = checks.text(changes["name"], "name")
    if "phone" in changes:
        values["phone"] = checks.optional_text(changes["phone"], "phone", 40)
    values |= _changed_pins(connection, nurse, changes)
    if not values:
        return known
    connection.execute(nurses.update().where(nurses.c.id == nurse).values(values))
    if "pin_hash" in values:
        replan_nurse(connection, nurse)
    detail = {"changed": sorted(changes)}
    record_change(connection, "nurse_changed", nurse, org=known.org, actor=actor, at_ms=at_ms, detail=detail)
    return find_nurse(connection, nurse)


def find_nurse(connection: Connection, nurse: str) -> Nurse:
    """Return the nurse.

    Raises:
        NotFound: there is none with that id.
    """
    row = connection.execute(select(*_COLUMNS).where(nurses.c.id == nurse)).first()
    if row is None:
        raise NotFound(f"no nurse {nurse}: see `vigil nurse list`")
    return Nurse(**row._mapping)


def list_nurses(connection: Connection, *, orgs: Collection[str] | None = None) -> list[Nurse]:
    """Return nurses by id: of `orgs` (None: of all)."""
    statement = select(*_COLUMNS).order_by(nurses.c.id)
    if orgs is not None:
        statement = statement.where(nurses.c.org.in_(orgs))
    return [Nurse(**row._mapping) for row in connection.execute(statement)]


def _changed_pins(connection: Connection, nurse: str, changes: NurseChanges) -> dict[str, str | None]:
    if "pin" not in changes and "duress_pin" not in changes:
        return {}
    given_pin, given_duress = changes.get("pin"), changes.get("duress_pin")
    for given in (given_pin, given_duress):
        checks.pins(given, None)
    stored = connection.execute(
        select(nurses.c.pin_hash, nurses.c.duress_pin_hash).where(nurses.c.id == nurse)
    ).one()
    pin_hash = _hashed(nurse, given_pin) if "pin" in changes else stored.pin_hash
    duress_hash = _hashed(nurse, given_duress) if "duress_pin" in changes else stored.duress_pin_hash
    if pin_hash is None:
        if given_duress is not None:
            raise InvalidInput("a duress pin needs a pin beside it: expected both", "duress_pin")
        duress_hash = None
    elif pin_hash == duress_hash:
        raise InvalidInput(
            "the pin and the duress pin are the same: expected two different ones", "duress_pin"
        )
    return {"pin_hash": pin_hash, "duress_pin_hash": duress_hash}


def _hashed(nurse: str, pin: str | None) -> str | None:
    return None if pin is None else hash_pin(nurse, pin)

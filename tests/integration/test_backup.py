"""Backup and restore: what was known when the copy was made is known to a service that starts from it."""

import subprocess
from pathlib import Path

import pytest
from sqlalchemy import select

from safety.rules.effects import RaiseAlert
from safety.store.alerts import raise_alert
from safety.store.audit import verify_audit
from safety.store.database import Database
from safety.store.feed import changed_positions, current_marks
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.store.tables import alerts, positions
from tests.support.changes import BY
from tests.support.mqtt import publish_json
from tests.support.postgres import Postgres
from tests.support.requires import require
from tests.support.service import Household, Service

pytestmark = pytest.mark.integration


@pytest.mark.long
def test_a_service_starts_again_from_a_copy_made_while_it_ran(own_service: Service, tmp_path: Path) -> None:
    require("mosquitto_pub")
    own_service.start()
    household = Household(own_service, "copied")
    panic = {"kind": "panic", "seq": 1, "id": "press-1"}
    publish_json(own_service.mqtt_port, household.phone, "alarm", panic)
    alert = household.await_alert(kind="panic")
    own_service.cli("backup", str(tmp_path / "copy"))
    own_service.kill()
    household.close()

    restored = Service(tmp_path / "copy")
    try:
        restored.start()
        again = restored.client(household.login, household.password)
        [known] = again.get("/api/v1/alerts").json()["items"]
        assert (known["id"], known["state"]) == (alert["id"], "raised")
        publish_json(restored.mqtt_port, household.phone, "alarm", panic)  # not answered before: said again
        restored.cli("audit", "verify")
        assert len(again.get("/api/v1/alerts").json()["items"]) == 1
        again.close()
        assert restored.stop() == 0
    finally:
        restored.kill()


def test_a_store_on_postgresql_goes_on_from_a_dump(postgres: Postgres, tmp_path: Path) -> None:
    source = Database(postgres.store())
    with source.writing() as connection:
        org = add_org(connection, name="Care", **BY)
        nurse = add_nurse(connection, org=org, name="Li Na", **BY)
        raised = RaiseAlert(
            id="alert-1",
            kind="panic",
            severity="critical",
            org=org,
            nurse=nurse,
            device=None,
            occurred_ms=1,
            received_ms=1,
            source_event="event-1",
        )
        raise_alert(connection, raised, 1)
        place = {"nurse": nurse, "org": org, "device": "dev_1", "lat": 31.0, "lon": 121.0, "time_ms": 1}
        # Of a server that had run for long: the one that is restored to counts from its beginning.
        connection.execute(positions.insert().values(**place, received_ms=1, revision=2**40))
    dump, into = tmp_path / "vigil.dump", postgres.url(postgres.create())
    subprocess.run([postgres.tool("pg_dump"), "-Fc", "-f", dump, source.url], check=True)
    subprocess.run([postgres.tool("pg_restore"), "--exit-on-error", "-d", into, dump], check=True)
    source.close()
    restored = Database(into)
    migrate(restored.engine)
    with restored.writing() as connection:
        assert connection.execute(select(alerts.c.id)).scalar() == "alert-1"
        assert verify_audit(connection) is None
    with restored.reading() as connection:
        assert changed_positions(connection, current_marks(connection).positions) == []
    restored.close()

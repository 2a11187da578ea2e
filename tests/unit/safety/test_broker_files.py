"""BrokerFiles: Mosquitto's files say what the registry says, for its eyes only, and change only with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.certificates import read_certificate
from devices.registry.sql import SqlDeviceRegistry
from devices.registry.tables import devices
from safety.broker_files import BrokerFiles, Login, Synced
from safety.store.certificates import certify_device
from safety.store.database import Database, database_url
from safety.store.fleet import register_device, rotate_device, withdraw_device
from safety.store.gateways import add_gateway
from safety.store.migrate import migrate
from safety.store.nurses import add_nurse
from safety.store.orgs import add_org
from safety.trust import Trust

NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000
INGEST = Login("ingest", "secret")


class Office:
    """A store, an authority, and the directory that a broker reads."""

    def __init__(self, directory: Path) -> None:
        self.out = directory / "out"
        self.database = Database(database_url(directory))
        migrate(self.database.engine)
        self.trust = Trust(directory)
        self.trust.create("test", NOW_MS)
        self.files = BrokerFiles(self.out, self.trust, ["localhost"])
        with self.database.writing() as connection:
            self.org = add_org(connection, name="Care", actor="test", at_ms=0)
            self.nurse = add_nurse(connection, org=self.org, name="Anna", actor="test", at_ms=0)
            self.phones = [
                register_device(connection, kind="phone", nurse=self.nurse, actor="test", at_ms=0)[0].id
                for _ in range(2)
            ]

    def sync(self, login: Login | None = INGEST) -> Synced:
        registry = SqlDeviceRegistry(self.database.engine)
        with self.database.reading() as connection:
            return self.files.sync(connection, registry, login, NOW_MS + 60_000)

    def text(self, name: str) -> str:
        return (self.out / name).read_text()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.database.close()


def test_everything_is_written_once_and_for_its_owner_only(office: Office) -> None:
    first = office.sync()
    assert set(first.written) == {path.name for path in office.out.iterdir()}
    assert {path.stat().st_mode & 0o777 for path in office.out.iterdir()} == {0o600}
    assert office.sync() == Synced((), (), ())


def test_each_device_has_its_password_and_its_own_topics(office: Office) -> None:
    certified = office.phones[0]
    with office.database.writing() as connection:
        certify_device(connection, office.trust.authority(), certified, 7, actor="test", at_ms=NOW_MS)
    office.sync()
    for phone in office.phones:
        assert f"\n{phone}:$7$101$" in f"\n{office.text('passwords')}"
    everybody, own = office.text("acl").split("user ingest\n")
    assert "pattern write vigil/v1/%u/alarm\n" in everybody
    assert "pattern read vigil/v1/%u/down\n" in everybody
    assert all("%u" in rule for rule in everybody.splitlines() if rule)
    assert "topic read vigil/v1/+/alarm\n" in own
    assert office.text("certified") == f"{certified}\n"


def test_the_own_login_is_in_it_and_ends_no_session_when_it_changes(office: Office) -> None:
    office.sync()
    assert "\ningest:$7$101$" in office.text("passwords")
    synced = office.sync(Login("ingest", "another secret"))
    assert synced == Synced(("passwords",), (), ())


def test_a_last_certificate_that_has_run_out_ends_the_session(office: Office) -> None:
    phone = office.phones[0]
    with office.database.writing() as connection:
        certify_device(connection, office.trust.authority(), phone, 1, actor="test", at_ms=NOW_MS - DAY_MS)
    registry = SqlDeviceRegistry(office.database.engine)
    with office.database.reading() as connection:
        office.files.sync(connection, registry, INGEST, NOW_MS - DAY_MS + 1)
    assert office.text("certified") == f"{phone}\n"
    assert office.sync().ended == (phone,)
    assert office.text("certified") == ""


def test_a_revoked_device_is_gone_and_its_session_has_to_end(office: Office) -> None:
    gone, stays = office.phones
    office.sync()
    with office.database.writing() as connection:
        withdraw_device(connection, gone, actor="test", at_ms=NOW_MS)
    synced = office.sync()
    assert synced.written == ("passwords",)
    assert synced.ended == (gone,)
    assert gone not in office.text("passwords") + office.text("certified")
    assert stays in office.text("passwords")


def test_a_new_secret_ends_the_session_and_revokes_certificates(office: Office) -> None:
    phone = office.phones[0]
    with office.database.writing() as connection:
        made = certify_device(
            connection, office.trust.authority(), phone, 7, actor="test", at_ms=NOW_MS - 5000
        )
    office.sync()
    with office.database.writing() as connection:
        rotate_device(connection, phone, actor="test", at_ms=NOW_MS)
    synced = office.sync()
    assert synced.written == ("passwords", "revoked.crl")
    assert synced.ended == (phone,)
    assert office.sync().ended == ()
    assert read_certificate(made.certificate).common_name == phone


def test_a_device_without_a_hash_is_named(office: Office) -> None:
    with office.database.writing() as connection:
        connection.execute(
            devices.update().where(devices.c.id == office.phones[0]).values(mosquitto_hash=None)
        )
    synced = office.sync()
    assert synced.unknown == (office.phones[0],)
    assert office.phones[0] not in office.text("passwords")


def test_a_network_server_has_the_names_of_its_devices(office: Office) -> None:
    with office.database.writing() as connection:
        gateway, _ = add_gateway(
            connection, org=office.org, codec="chirpstack", name="LoRa", actor="test", at_ms=NOW_MS
        )
        register_device(
            connection,
            kind="button",
            nurse=office.nurse,
            codec="chirpstack",
            external_id="A840410000FFFFFF",
            actor="test",
            at_ms=NOW_MS,
        )
    office.sync()
    rules = office.text("acl").split(f"user {gateway.id}\n")[1]
    assert "topic write application/+/device/a840410000ffffff/event/up\n" in rules

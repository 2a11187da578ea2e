"""BrokerFiles: what a Mosquitto must read to hold devices to the rules of the registry.

passwords, acl          devices, and Vigil's own login
ca.pem, revoked.crl     whose client certificates count, and which of them hold no more
server.pem, server.key  the broker's certificate
certified               which devices have a client certificate: what the next sync compares
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from devices.certificates import read_revoked, revocation_list
from devices.identity import hash_for_mosquitto
from devices.registry.port import Device, DeviceRegistry, may_speak_for
from ingest.rights import Rights, brought_rights, device_rights, ingest_rights
from safety.store.certificates import certified_devices, owners_of, revoked_serials
from safety.store.tables import devices
from safety.trust import Trust, write_private

_CHIRPSTACK = "chirpstack"


class Login(NamedTuple):
    """Vigil's own login at the broker."""

    username: str
    password: str


class Synced(NamedTuple):
    """What a sync did: which files were written, and whose sessions have to end.

    `unknown` devices cannot log in with a secret there before they are given a new one.
    """

    written: tuple[str, ...]
    ended: tuple[str, ...]
    unknown: tuple[str, ...]


class BrokerFiles:
    """The files in `directory`; each is written whole, and only when what it says is another."""

    def __init__(self, directory: Path, trust: Trust, names: Iterable[str]) -> None:
        self._directory = directory
        self._trust = trust
        self._names = frozenset(names)

    def sync(
        self, connection: Connection, registry: DeviceRegistry, login: Login | None, now_ms: int
    ) -> Synced:
        """Write what the registry says now.

        Raises:
            TrustError: a file cannot be written.
        """
        known = _logins(connection)
        before = self._said("passwords"), self._said("certified"), self._revoked()
        speaking = {device.id: _names_of(device, known, registry) for device, _ in known}
        certified = certified_devices(connection, now_ms) & {device.id for device, _ in known}
        speakers = [_user(name, brought_rights(names)) for name, names in speaking.items() if names]
        hashes = {device.id: hashed for device, hashed in known if hashed}
        if login is not None:
            speakers.append(_user(login.username, ingest_rights()))
            hashes[login.username] = _own_hash(login)
        ended = _ended(before[0], before[1], hashes, certified)
        files = {
            "passwords": "".join(f"{name}:{hashed}\n" for name, hashed in hashes.items()),
            # By pattern: Mosquitto takes seconds to read ten thousand devices' own lines.
            "acl": "\n".join([_everybody(device_rights("%u")), *speakers]),
            "certified": "".join(f"{device}\n" for device in sorted(certified)),
        }
        written = [name for name, text in files.items() if self._write(name, text.encode())]
        written += self._write_trust(connection, now_ms)
        ended |= self._newly_revoked(connection, before[2])
        if login is not None:
            ended.discard(login.username)  # a new password of its own ends no device's session
        unknown = tuple(device.id for device, hashed in known if not hashed)
        return Synced(tuple(written), tuple(sorted(ended)), unknown)

    def _write_trust(self, connection: Connection, now_ms: int) -> list[str]:
        if not self._trust.exists:
            return []
        self._trust.renew_server(self._names, now_ms)
        authority = self._trust.authority()
        files = {
            "ca.pem": authority.certificate,
            "server.key": self._trust.server_key.read_bytes(),
            "server.pem": self._trust.server_file.read_bytes(),
        }
        written = [name for name, content in files.items() if self._write(name, content)]
        serials = frozenset(revoked_serials(connection, now_ms))
        if not (self._directory / "revoked.crl").exists() or serials != self._revoked():
            written += ["revoked.crl"]
            self._write("revoked.crl", revocation_list(authority, serials, now_ms))
        return written

    def _newly_revoked(self, connection: Connection, before: frozenset[str]) -> set[str]:
        return set(owners_of(connection, self._revoked() - before))

    def _revoked(self) -> frozenset[str]:
        return read_revoked(self._read("revoked.crl"))

    def _said(self, name: str) -> str:
        return self._read(name).decode(errors="replace")

    def _read(self, name: str) -> bytes:
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:
            return b""

    def _write(self, name: str, content: bytes) -> bool:
        path = self._directory / name
        if path.exists() and path.read_bytes() == content:
            return False
        write_private(path, content)
        return True


def _logins(connection: Connection) -> list[tuple[Device, str | None]]:
    """Return every device that may log in, with its password's hash."""
    statement = select(devices).where(devices.c.revoked_ms.is_(None)).order_by(devices.c.id)
    return [
        (
            Device(
                id=row.id,
                kind=row.kind,
                org=row.org,
                nurse=row.nurse,
                codec=row.codec,
                external_id=row.external_id,
            ),
            row.mosquitto_hash,
        )
        for row in connection.execute(statement)
    ]


def _names_of(
    speaker: Device, known: Iterable[tuple[Device, str | None]], registry: DeviceRegistry
) -> list[str]:
    """Return what a network server calls those for whom `speaker` may speak."""
    if speaker.codec != _CHIRPSTACK:
        return []
    spoken_for = [speaker]
    if speaker.kind == "gateway":
        spoken_for = [device for device, _ in known if device.codec == _CHIRPSTACK]
    return [
        device.external_id
        for device in spoken_for
        if device.external_id and may_speak_for(registry, speaker, device)
    ]


def _user(name: str, rights: Rights) -> str:
    lines = [f"user {name}", *(f"topic write {one}" for one in rights.publish)]
    return "\n".join([*lines, *(f"topic read {one}" for one in rights.subscribe), ""])


def _everybody(rights: Rights) -> str:
    lines = [f"pattern write {one}" for one in rights.publish]
    return "\n".join([*lines, *(f"pattern read {one}" for one in rights.subscribe), ""])


def _own_hash(login: Login) -> str:
    # The same password gives the same line, so that a sync that changes nothing writes nothing.
    salt = hashlib.sha256(f"{login.username}\x1f{login.password}".encode()).digest()[:12]
    return hash_for_mosquitto(login.password, salt)


def _ended(passwords: str, certified: str, hashes: Mapping[str, str], holding: Collection[str]) -> set[str]:
    """Return which devices' password or last certificate holds no more."""
    had = dict(line.split(":", 1) for line in passwords.splitlines() if ":" in line)
    changed = {name for name, hashed in had.items() if hashes.get(name) != hashed}
    return changed | (set(certified.splitlines()) - set(holding))

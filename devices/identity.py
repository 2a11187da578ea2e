"""Identity: how ids and secrets are made, stored and compared (the one room of randomness)."""

import base64
import hashlib
import hmac
import secrets
import uuid

_NAMESPACE = uuid.UUID("6f1d7f0e-3f0b-5a43-9a5e-7b1d1c0f6b11")
_HASH_SCHEME = "sha256$"
_MOSQUITTO_ROUNDS = 101


def new_id(prefix: str) -> str:
    """Return a fresh id such as `dev_k3v9x2m4q7wd`: lower case, safe in topics, URLs and file names."""
    return f"{prefix}_{base64.b32encode(secrets.token_bytes(10)).decode().lower()}"


def new_secret() -> str:
    """Return a fresh secret of 192 random bits in lower-case hex, safe on any command line."""
    return secrets.token_hex(24)


def derived_id(*causes: str) -> str:
    """Return the UUIDv5 of `causes`: the same causes give the same id on every replay."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(causes)))


def hash_secret(secret: str) -> str:
    """Return what is stored instead of a device's secret or a session's token.

    One SHA-256 is enough for these: they carry 192 random bits, so there is nothing to guess. What
    people choose themselves (passwords) goes through argon2id instead.
    """
    return _HASH_SCHEME + hashlib.sha256(secret.encode()).hexdigest()


def hash_for_mosquitto(secret: str, salt: bytes | None = None) -> str:
    """Return `secret` as Mosquitto 2's password file holds it: PBKDF2-SHA512 under `$7$`.

    The salt is random unless given. Mosquitto's own 101 rounds are enough for what cannot be guessed.
    """
    salt = secrets.token_bytes(12) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _MOSQUITTO_ROUNDS)
    encoded_salt, encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"$7${_MOSQUITTO_ROUNDS}${encoded_salt}${encoded}"


def secret_matches(secret: str, stored: str) -> bool:
    """Tell in constant time whether `secret` is the one behind `stored`."""
    return hmac.compare_digest(hash_secret(secret).encode(), stored.encode())


def hash_pin(owner: str, pin: str) -> str:
    """Return the stored form of a nurse's PIN, salted by its owner's id.

    A PIN of a few digits can be searched whatever the hash; this keeps it out of logs and backups
    read in passing. Its guard is that a wrong one alarms.
    """
    return _HASH_SCHEME + hashlib.sha256(f"{owner}\x1f{pin}".encode()).hexdigest()

"""Users: the people at the console, their roles and passwords (argon2id)."""

from functools import cache
from typing import Literal, NamedTuple, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import Connection, Row, select

from devices.identity import new_id, new_secret
from safety.errors import InvalidInput, NotFound
from safety.store.tables import orgs, users

Role = Literal["dispatcher", "supervisor", "admin", "auditor"]
ROLES: tuple[str, ...] = get_args(Role)

_MIN_PASSWORD_LENGTH = 8
_MAX_PASSWORD_LENGTH = 1024
_MAX_LOGIN_LENGTH = 128


class User(NamedTuple):
    """A person as stored; `disabled_ms` is None while they may log in."""

    id: str
    org: str
    login: str
    role: str
    password_hash: str
    disabled_ms: int | None


class Passwords:
    """Hashes and checks passwords with argon2id; RFC 9106's second recommended parameters.

    An unknown login is checked against the hash of a password that nobody has, so that the time it
    takes does not tell who exists.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(new_secret())

    def hash(self, password: str) -> str:
        """Return what is stored instead of `password`."""
        return self._hasher.hash(password)

    def matches(self, password: str, stored: str | None) -> bool:
        """Tell whether `password` is the one behind `stored`; None takes as long and never matches."""
        try:
            self._hasher.verify(stored or self._nobody, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
        return stored is not None

    def is_dated(self, stored: str) -> bool:
        """Tell whether `stored` was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


@cache
def _passwords() -> Passwords:
    # Made when first needed: it takes a noticeable moment, which `vigil --help` should not.
    return Passwords()


def add_user(connection: Connection, org: str, login: str, role: str, password: str, at_ms: int) -> str:
    """Add a person to `org` and return the new user's id.

    Raises:
        NotFound: there is no such organisation.
        InvalidInput: the login is taken or empty, the role unknown, or the password too short.
    """
    if connection.execute(select(orgs.c.id).where(orgs.c.id == org)).first() is None:
        raise NotFound(f"no organisation {org}")
    _check_role(role)
    check_password(password)
    if not login or len(login) > _MAX_LOGIN_LENGTH or login.strip() != login or not login.isprintable():
        raise InvalidInput(
            f"login must be 1 to {_MAX_LOGIN_LENGTH} printable characters, no spaces around", "login"
        )
    if find_user(connection, login) is not None:
        raise InvalidInput(f"login {login!r} is taken: choose another", "login")
    identity = new_id("usr")
    connection.execute(
        users.insert().values(
            id=identity,
            org=org,
            login=login,
            role=role,
            password_hash=_passwords().hash(password),
            created_ms=at_ms,
        )
    )
    return identity


def find_user(connection: Connection, login: str) -> User | None:
    """Return the user with that login, or None."""
    return _user(connection.execute(select(users).where(users.c.login == login)).first())


def verify_password(user: User | None, password: str) -> bool:
    """Tell whether `password` is the user's; takes as long for None, who never matches."""
    if len(password) > _MAX_PASSWORD_LENGTH:
        return False
    return _passwords().matches(password, user.password_hash if user else None)


def renew_hash(connection: Connection, user: User, password: str) -> bool:
    """Hash a password that has just matched again if its parameters are dated; tell whether it was."""
    if not _passwords().is_dated(user.password_hash):
        return False
    set_password(connection, user.id, password)
    return True


def set_password(connection: Connection, user: str, password: str) -> None:
    """Give the user with id `user` a new password.

    Raises:
        NotFound: there is no such user.
    """
    hashed = _passwords().hash(password)
    changed = connection.execute(users.update().where(users.c.id == user).values(password_hash=hashed))
    if changed.rowcount == 0:
        raise NotFound(f"no user {user}")


def change_user(
    connection: Connection, user: str, *, role: str | None = None, disabled_ms: int | None = None
) -> None:
    """Set the role (None: leave it) and since when the user with id `user` is disabled (None: is not).

    Raises:
        NotFound: there is no such user.
        InvalidInput: the role is unknown.
    """
    values: dict[str, object] = {"disabled_ms": disabled_ms}
    if role is not None:
        _check_role(role)
        values["role"] = role
    if connection.execute(users.update().where(users.c.id == user).values(values)).rowcount == 0:
        raise NotFound(f"no user {user}")


def check_password(password: str) -> None:
    """Refuse a password that is too short to be one.

    Raises:
        InvalidInput: it is shorter than 8 or longer than 1024 characters.
    """
    if not _MIN_PASSWORD_LENGTH <= len(password) <= _MAX_PASSWORD_LENGTH:
        raise InvalidInput(
            f"the password has {len(password)} characters: "
            f"expected {_MIN_PASSWORD_LENGTH} to {_MAX_PASSWORD_LENGTH}",
            "password",
        )


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise InvalidInput(f"role must be one of {', '.join(ROLES)}, not {role!r}")


def _user(row: Row[tuple[object, ...]] | None) -> User | None:
    if row is None:
        return None
    return User(row.id, row.org, row.login, row.role, row.password_hash, row.disabled_ms)

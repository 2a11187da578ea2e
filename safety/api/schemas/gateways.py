"""Gateways: servers that bring what many devices said."""

from datetime import datetime

from safety.api.schemas.shapes import Shape


class Gateway(Shape):
    """A gateway: it speaks for the devices of `codec` in `org` and below."""

    id: str
    name: str
    org: str
    codec: str
    revoked: bool
    added_at: datetime


class IssuedGateway(Gateway):
    """A gateway that was just added or has a new secret, which is shown this once."""

    secret: str

"""Channels: the ways a responder is told, by the scheme of the address."""

import asyncio
import re
from collections.abc import Mapping
from typing import Protocol

import httpx
import msgspec
import structlog

from safety.domain.notice import Notice, scheme_of
from safety.domain.policy import NOBODY
from safety.errors import DeliveryDelayed, DeliveryRefused

_log = structlog.get_logger(__name__)
_TRY_AGAIN = frozenset({408, 425, 429})
_HIGHEST_PORT = 65_535
_SECONDS = re.compile("[0-9]{1,9}")


class Channel(Protocol):
    """Brings a notice to an address of its kind."""

    async def send(self, notification: Notice) -> None:
        """Bring `notification` to its address; the same id may come again.

        Raises:
            DeliveryRefused: it will never be taken.
            DeliveryDelayed: it is not taken just now.
        """

    async def aclose(self) -> None:
        """Release connections."""


class LogChannel:
    """Writes a line of the log: for demonstrations, and the last resort when there is nobody to tell."""

    async def send(self, notification: Notice) -> None:
        ids = {
            "notification": notification.id,
            "alert": notification.alert,
            "responder": notification.responder,
            "kind": notification.kind,
            "severity": notification.severity,
            "tier": notification.tier,
        }
        if notification.responder == NOBODY.responder:
            _log.error("nobody could be told of an alert", action="notify", **ids)
        else:
            _log.info("responder told of an alert", action="notify", **ids)

    async def aclose(self) -> None:
        return None


class WebhookChannel:
    """Posts the notice as JSON; `Idempotency-Key` is the notification's id.

    Any 2xx counts as taken, whatever the body says. 4xx is a refusal, except 408, 425 and 429; redirects
    are not followed: a notice holds a name and a place, and goes where it was addressed or nowhere.
    """

    def __init__(self, *, timeout_s: float = 5.0, proxy: str | None = None) -> None:
        self._timeout_s = timeout_s
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=16)
        self._client = httpx.AsyncClient(
            timeout=timeout_s, limits=limits, proxy=proxy, trust_env=False, follow_redirects=False
        )

    async def send(self, notification: Notice) -> None:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": notification.id,
            "User-Agent": "vigil",
        }
        body = msgspec.json.encode(notification.payload())
        url = _url(notification.channel)
        try:
            # httpx limits each read; a body that drips would outlast any of them.
            async with asyncio.timeout(self._timeout_s):
                request = self._client.stream("POST", url, content=body, headers=headers)
                async with request as response:
                    status, wait = response.status_code, response.headers.get("Retry-After", "")
        except (TimeoutError, httpx.TimeoutException) as error:
            raise DeliveryDelayed(f"no answer within {self._timeout_s:g} s") from error
        except httpx.HTTPError as error:
            # The type alone: messages may quote the address, and a webhook's address is its password.
            raise DeliveryDelayed(f"no connection: {type(error).__name__}") from error
        _judge(status, wait)

    async def aclose(self) -> None:
        await self._client.aclose()


class RecordingChannel:
    """Keeps what it is given: the channels' fake. `failures` are raised first, one per send."""

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[Notice] = []
        self.failures = list(failures)

    async def send(self, notification: Notice) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(notification)

    async def aclose(self) -> None:
        return None


def standard_channels() -> dict[str, Channel]:
    """Return the channels by scheme that Vigil comes with."""
    webhook = WebhookChannel()
    return {"log": LogChannel(), "http": webhook, "https": webhook}


async def send_by(channels: Mapping[str, Channel], notification: Notice) -> None:
    """Send through the channel for the address.

    Raises:
        DeliveryRefused: there is no such channel, or it will never take it.
        DeliveryDelayed: it is not taken just now.
    """
    channel = channels.get(scheme_of(notification.channel))
    if channel is None:
        raise DeliveryRefused(f"no channel of the kind {scheme_of(notification.channel)!r}")
    await channel.send(notification)


def _url(address: str) -> httpx.URL:
    """Return the webhook's URL.

    Raises:
        DeliveryRefused: it is none.
    """
    try:
        webhook = httpx.URL(address)
        usable = webhook.scheme in ("http", "https") and bool(webhook.host)
        usable = usable and (webhook.port or 0) <= _HIGHEST_PORT
    except (httpx.InvalidURL, UnicodeError):
        usable = False
    if not usable:
        raise DeliveryRefused("the address cannot be used: expected an http(s) URL")
    return webhook


def _judge(status: int, retry_after: str) -> None:
    """Raise unless the HTTP `status` says that the notice was taken.

    `retry_after` is that header: seconds are heeded, a date is not, for whose clock it is by nobody knows.
    """
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise DeliveryRefused(f"http {status}: redirects are not followed, give the address it leads to")
    if 400 <= status < 500 and status not in _TRY_AGAIN:
        raise DeliveryRefused(f"http {status}")
    asked = _SECONDS.fullmatch(retry_after.strip())
    raise DeliveryDelayed(f"http {status}", retry_after_s=float(asked[0]) if asked else 0.0)

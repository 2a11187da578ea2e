"""Routing outside the process: webhooks over real HTTP, and a worker killed at any instant."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from devices.clock import SystemClock
from safety.domain.notice import Notice, NoticePosition
from safety.errors import DeliveryDelayed, DeliveryFailed, DeliveryRefused
from safety.routing.channels import LogChannel, WebhookChannel
from safety.routing.commands import RecordingSender
from safety.routing.worker import RoutingWorker
from safety.store.database import database_url
from safety.store.tables import alerts, commands, notifications
from tests.support.paging import Desk
from tests.support.waiting import PATIENCE_S, eventually, wait_until
from tests.support.webhooks import FarEnd, closed_port, far_end

ROOT = Path(__file__).parents[2]
ROUTER = Path(__file__).with_name("router_process.py")
pytestmark = pytest.mark.integration


@pytest.fixture
def hooks() -> Iterator[FarEnd]:
    with far_end() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(database_url(tmp_path))
    yield desk
    desk.close()


@pytest.fixture
async def webhook() -> AsyncIterator[WebhookChannel]:
    channel = WebhookChannel(timeout_s=PATIENCE_S)
    yield channel
    await channel.aclose()


def notice(channel: str) -> Notice:
    return Notice(
        id="ntf-1",
        alert="alert-1",
        responder="ann",
        channel=channel,
        tier=1,
        kind="panic",
        severity="critical",
        nurse_name="王芳",
        occurred_at="2026-11-22T13:45:12.000Z",
        raised_at="2026-11-22T13:45:12.100Z",
        late=False,
        silent=False,
        position=NoticePosition(
            lat=31.2304,
            lon=121.4737,
            accuracy_m=12.0,
            time="2026-11-22T13:45:02.000Z",
            age_s=10,
            source="alarm",
        ),
        link="https://vigil.example/#/alerts/alert-1",
    )


async def test_a_webhook_gets_the_alert_as_json(hooks: FarEnd, webhook: WebhookChannel) -> None:
    await webhook.send(notice(hooks.url("/ann?key=1")))
    (call,) = hooks.calls
    assert call.path == "/ann?key=1"
    assert call.headers["idempotency-key"] == "ntf-1"
    assert call.headers["content-type"] == "application/json; charset=utf-8"
    text = call.body.pop("text")
    assert text["zh"].startswith("【紧急】一键报警：王芳")
    assert "31.230400,121.473700 ±12 m (10 s ago)" in text["en"]
    assert call.body == {
        "id": "alert-1",
        "notification": "ntf-1",
        "tier": 1,
        "kind": "panic",
        "severity": "critical",
        "nurse_name": "王芳",
        "occurred_at": "2026-11-22T13:45:12.000Z",
        "raised_at": "2026-11-22T13:45:12.100Z",
        "late": False,
        "silent": False,
        "position": {
            "lat": 31.2304,
            "lon": 121.4737,
            "accuracy_m": 12.0,
            "time": "2026-11-22T13:45:02.000Z",
            "age_s": 10,
            "source": "alarm",
        },
        "link": "https://vigil.example/#/alerts/alert-1",
    }


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_any_2xx_is_taken(hooks: FarEnd, webhook: WebhookChannel, status: int) -> None:
    await webhook.send(notice(hooks.answers("/ann", [status])))


@pytest.mark.parametrize("status", [400, 401, 404, 410, 413])
async def test_a_refusal_is_final(hooks: FarEnd, webhook: WebhookChannel, status: int) -> None:
    with pytest.raises(DeliveryRefused, match=f"http {status}"):
        await webhook.send(notice(hooks.answers("/ann", [status])))


@pytest.mark.parametrize(
    ("asked", "wait_s"),
    [(None, 0.0), ("7", 7.0), ("soon", 0.0), ("-1", 0.0), ("Sun, 22 Nov 2026 13:00:00 GMT", 0.0)],
)
async def test_a_webhook_may_ask_for_time_in_seconds(
    hooks: FarEnd, webhook: WebhookChannel, asked: str | None, wait_s: float
) -> None:
    hooks.retry_after = asked
    with pytest.raises(DeliveryDelayed) as delayed:
        await webhook.send(notice(hooks.answers("/ann", [429])))
    assert delayed.value.retry_after_s == wait_s


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_trouble_of_the_moment_is_tried_again(
    hooks: FarEnd, webhook: WebhookChannel, status: int
) -> None:
    with pytest.raises(DeliveryDelayed, match=f"http {status}"):
        await webhook.send(notice(hooks.answers("/ann", [status])))


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(hooks: FarEnd, webhook: WebhookChannel, status: int) -> None:
    with pytest.raises(DeliveryRefused, match="redirects are not followed"):
        await webhook.send(notice(hooks.answers("/ann", [status])))
    assert hooks.calls_to("/elsewhere") == []


@pytest.mark.parametrize("how", ["hanging", "dripping"])
async def test_an_answer_that_does_not_come_is_not_waited_for(hooks: FarEnd, how: str) -> None:
    getattr(hooks, how).add("/ann")
    hasty = WebhookChannel(timeout_s=0.5)
    with pytest.raises(DeliveryDelayed, match=r"no answer within 0\.5 s"):
        await hasty.send(notice(hooks.url("/ann")))
    await hasty.aclose()


async def test_nobody_there_is_tried_again_and_the_address_is_kept_secret(webhook: WebhookChannel) -> None:
    with pytest.raises(DeliveryDelayed, match="no connection: ConnectError") as failure:
        await webhook.send(notice(f"http://127.0.0.1:{closed_port()}/?key=secret"))
    assert "secret" not in str(failure.value)


@pytest.mark.parametrize(
    "address",
    [
        "http:",
        "http://",
        "http://[::1",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://\x00/",
        "http://\ud800/",
        "http://xn--/",
        "http://" + "a" * 5000,
        "ftp://127.0.0.1/",
        "https://127.0.0.1:1/",
        "",
    ],
)
async def test_an_address_that_cannot_be_used_fails_by_name(webhook: WebhookChannel, address: str) -> None:
    with pytest.raises(DeliveryFailed):
        await webhook.send(notice(address))


async def test_the_log_channel_writes_ids_only() -> None:
    with capture_logs() as lines:
        await LogChannel().send(notice("log:"))
    (line,) = lines
    assert (line["action"], line["alert"], line["responder"]) == ("notify", "alert-1", "ann")
    assert "王芳" not in str(line)
    assert "31.2" not in str(line)


@asynccontextmanager
async def in_service(desk: Desk) -> AsyncIterator[RoutingWorker]:
    """The worker with the machine's clock and real webhooks."""
    worker = RoutingWorker(
        desk.database,
        SystemClock(),
        RecordingSender(),
        {"http": WebhookChannel(timeout_s=10 * PATIENCE_S), "log": LogChannel()},
        lambda: None,
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(worker.run())
        yield worker
        running.cancel()


async def test_a_webhook_that_fails_at_first_gets_the_same_notice_again(desk: Desk, hooks: FarEnd) -> None:
    desk.clock.advance_s((SystemClock().now_ms() - desk.clock.now_ms()) / 1000)
    desk.policy((0, [desk.responder("ann", hooks.answers("/ann", [500, 200]))]))
    alert = desk.raises()
    async with in_service(desk):
        await eventually(lambda: desk.notifications(alert) and desk.notifications(alert)[0].state == "sent")
    first, second = hooks.calls_to("/ann")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]
    assert desk.notifications(alert)[0].attempts == 2


async def test_slow_and_refusing_webhooks_delay_nobody_else(desk: Desk, hooks: FarEnd) -> None:
    desk.clock.advance_s((SystemClock().now_ms() - desk.clock.now_ms()) / 1000)
    hooks.hanging.add("/slow")
    slow = desk.responder("slow", hooks.url("/slow"))
    gone = desk.responder("gone", hooks.answers("/gone", [410]))
    desk.policy((0, [slow, gone, desk.responder("ann", hooks.url("/ann"))]))
    raised = [desk.raises(nurse=f"nur_{number}") for number in range(40)]
    async with in_service(desk) as worker:
        worker.wake()
        # Long before the slow one is given up.
        await eventually(lambda: len(hooks.calls_to("/ann")) == len(raised), what="the calls to ann")
        await eventually(
            lambda: all(len(desk.entries(alert, "notify_failed")) == 1 for alert in raised),
            what="the refusals on the timelines",
        )
        hooks.closing.set()


def kill_rounds(desk: Desk, hooks: FarEnd, rounds: int) -> None:
    """Raise alerts while the worker is killed again and again; then everybody must have been told."""
    random = Random(20261122)
    desk.clock.advance_s((SystemClock().now_ms() - desk.clock.now_ms()) / 1000)
    people = [desk.responder(name, hooks.url(f"/{name}")) for name in ("ann", "ben")]
    desk.policy((0, people), (3600, people))
    raised: list[str] = []
    printed: list[str] = []
    for number in range(rounds + 1):
        raised += [desk.raises(nurse=f"nur_{number}_{each}") for each in range(20)]
        told = len(hooks.calls)
        command = [sys.executable, str(ROUTER), desk.database.url]
        environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            try:
                if number < rounds:
                    enough = told + random.randint(1, 30)
                    wait_until(partial(_called, hooks, enough), what="more calls")
                else:
                    wait_until(partial(_all_told, desk), PATIENCE_S + rounds, "all told")
            finally:
                process.kill()
            assert process.stdout is not None
            printed += [line.split()[1] for line in process.stdout if line.startswith("told ")]
    keys = {call.headers["idempotency-key"] for call in hooks.calls}
    owed = [row for alert in raised for row in desk.notifications(alert)]
    assert len(owed) == len(raised) * len(people)
    assert {row.id for row in owed} == keys
    assert {row.id for row in desk.commands()} == set(printed)
    assert all(len(desk.entries(alert, "escalated")) == 1 for alert in raised)


def _called(hooks: FarEnd, times: int) -> bool:
    return len(hooks.calls) >= times


def _all_told(desk: Desk) -> bool:
    looks = select(func.count()).where(alerts.c.escalation_level == 0)
    sends = select(func.count()).where(notifications.c.due_ms.is_not(None))
    tells = select(func.count()).where(commands.c.due_ms.is_not(None))
    with desk.database.reading() as connection:
        return not any(connection.execute(left).scalar_one() for left in (looks, sends, tells))


def test_killed_at_any_instant_it_forgets_nobody(desk: Desk, hooks: FarEnd) -> None:
    kill_rounds(desk, hooks, 4)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_killed_fifty_times_it_forgets_nobody(desk: Desk, hooks: FarEnd) -> None:
    kill_rounds(desk, hooks, 50)

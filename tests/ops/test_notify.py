"""Notifications: routes, merged duplicates, bounded retries, and everything recorded."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlmodel import select

from core import models, runtime
from core.db import store
from core.models import Cause, Notification, ServiceHealth
from core.ops import notify
from core.policy.messages import Routes
from core.runtime import Runtime
from core.settings import Settings
from core.signals.analysis.types import IssueFacts
from core.stages import analyze
from core.vendors.base import VendorError
from tests import factories


class Channel:
    """Records sent messages; raises ``faults`` first, one per message."""

    def __init__(self, name: str, *faults: VendorError):
        self.name, self.faults, self.sent = name, list(faults), []

    def send(self, message) -> str:
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(message)
        return f"{self.name} {len(self.sent)}"


@pytest.fixture
def rt(tmp_path):
    settings = Settings(data_dir=tmp_path, platform_file=tmp_path / "platform.toml", database_url="")
    settings.platform_file.write_text("")
    store.open_store(settings.database)
    return runtime.use(Runtime(settings, notifiers=[Channel("slack"), Channel("email")]))


@pytest.fixture
def clock(monkeypatch):
    """``clock(60)`` advances the time by a minute."""
    shift = [timedelta()]
    monkeypatch.setattr(notify, "now", lambda: models.now() + shift[0])

    def pass_(seconds: float) -> None:
        shift[0] += timedelta(seconds=seconds)

    return pass_


def tell(event: str, key: str = "k", body: str = "it happened"):
    with store.write() as session:
        issue = factories.issue(session)
        notify.queue(session, event, issue, key, body)
    return issue


def rows() -> list[Notification]:
    with store.read() as session:
        return session.exec(select(Notification).order_by(Notification.id)).all()


@pytest.mark.parametrize(
    ("event", "channels"),
    [
        ("workflow_failed", {"slack"}),
        ("error_rate", {"email", "slack"}),
        ("deployment_failed", {"slack", "email"}),
        ("rolled_back", {"slack", "email"}),
        ("low_confidence", {"console"}),
        ("rate_limit", {"slack"}),
        ("performance", {"email"}),
    ],
)
def test_the_missions_routes(rt, event, channels):
    tell(event)
    assert {row.channel for row in rows()} == channels
    assert notify.deliver(rt) == len(channels - {"console"})
    assert {channel.name for channel in rt.notifiers if channel.sent} == channels - {"console"}
    assert {row.state for row in rows()} == {"sent"}


def test_routes_are_policy(rt):
    rt.settings.platform_file.write_text('[routes]\nperformance = ["slack", "console"]\nresolved = []\n')
    tell("performance")
    tell("resolved")
    assert [(row.event, row.channel) for row in rows()] == [("performance", "slack"), ("performance", "console")]
    rt.settings.platform_file.write_text('[routes]\nperformance = ["pigeon"]\n')
    assert rt.policy and "routes.performance" in rt.policy_error


def test_every_route_has_its_text():
    assert set(Routes.model_fields) == set(notify.SUBJECTS)


def test_duplicates_are_merged_and_counted(rt):
    for _ in range(4):
        tell("rate_limit", key="limit-2026112502")
    assert [(row.channel, row.repeats) for row in rows()] == [("slack", 3)]
    assert notify.deliver(rt) == 1
    assert "repeated 3 more times" in rt.notifiers[0].sent[0].body
    tell("rate_limit", key="limit-2026112502")
    assert notify.deliver(rt) == 0 and rows()[0].repeats == 4


def test_a_message_links_to_its_issue(rt):
    issue = tell("workflow_failed")
    notify.deliver(rt)
    assert rt.notifiers[0].sent[0].link == f"http://localhost:8501/issues?issue={issue.id}"


def test_a_transient_failure_is_retried_with_growing_waits_and_a_limit(rt, clock):
    rt.notifiers = [Channel("slack", *[VendorError("slack", "had an internal error (503)", status=503)] * 99)]
    tell("workflow_failed")
    waits = []
    for _ in range(20):
        notify.deliver(rt)
        row = rows()[0]
        if row.state == "failed":
            break
        waits.append(round((row.next_at - notify.now()).total_seconds()))
        assert notify.deliver(rt) == 0 and rows()[0].attempts == row.attempts, "not before its time"
        clock(waits[-1] + 1)
    assert waits == [15, 30, 60, 120, 240]
    assert (row.attempts, row.state, row.error) == (6, "failed", "had an internal error (503)")


def test_it_is_delivered_when_the_vendor_recovers(rt, clock):
    rt.notifiers = [Channel("slack", VendorError("slack", "timed out"))]
    tell("workflow_failed")
    assert notify.deliver(rt) == 0
    clock(16)
    assert notify.deliver(rt) == 1 and notify.deliver(rt) == 0
    row = rows()[0]
    assert (row.state, row.error, row.attempts, row.reference) == ("sent", None, 2, "slack 1")


def test_a_permanent_failure_is_not_retried(rt):
    rt.notifiers = [Channel("slack", VendorError("slack", "refused: channel_not_found", permanent=True))]
    tell("workflow_failed")
    notify.deliver(rt)
    assert [(row.state, row.attempts, row.error) for row in rows()] == [("failed", 1, "refused: channel_not_found")]


def test_a_channel_that_is_not_connected_is_recorded(rt):
    rt.notifiers = []
    tell("performance")
    notify.deliver(rt)
    assert [(row.state, row.error) for row in rows()] == [("failed", "is not connected")]


def test_retry_after_is_obeyed(rt):
    rt.notifiers = [Channel("slack", VendorError("slack", "limited our request rate", retry_after=400.0))]
    tell("workflow_failed")
    notify.deliver(rt)
    assert (rows()[0].next_at - models.now()).total_seconds() == pytest.approx(400, abs=5)


def test_a_storm_is_sent_in_small_bursts_and_slack_does_not_delay_mail(rt):
    for number in range(12):
        tell("workflow_failed", key=f"k{number}")
    tell("performance", key="slow")
    assert notify.deliver(rt) == 5 + 1
    assert [len(channel.sent) for channel in rt.notifiers] == [5, 1]
    assert notify.deliver(rt) + notify.deliver(rt) == 7


def test_the_characters_of_a_key_are_no_wildcards(rt):
    with store.write() as session:
        issue = factories.issue(session)
        for key in ("abc", "a_c", "a%", "a_c"):
            notify.once(session, "rolled_back", issue, key, "it happened")
        keys = {row.key.rsplit("-", 1)[0] for row in session.exec(select(Notification))}
        repeats = sum(row.repeats for row in session.exec(select(Notification)))
    assert (keys, repeats) == ({"abc", "a_c", "a%"}, 0)


def test_two_processes_send_a_message_once(rt):
    tell("workflow_failed")
    row, start = rows()[0], threading.Barrier(4)

    def work():
        start.wait()
        notify._send(rt, rt.notifiers[0], row)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rt.notifiers[0].sent) == 1 and rows()[0].attempts == 1


def test_another_process_sends_a_killed_ones_message_after_its_lease(rt, clock):
    tell("workflow_failed")
    assert notify._claim(rows()[0])
    assert notify.deliver(rt) == 0
    clock(181)
    assert notify.deliver(rt) == 1


@pytest.mark.parametrize(
    ("health", "cause", "events"),
    [
        (ServiceHealth(requests=100, errors=24), Cause.CODE, set()),
        (ServiceHealth(requests=100, errors=25), Cause.CODE, {("error_rate", "email"), ("error_rate", "slack")}),
        (ServiceHealth(requests=100, errors=0, p95_ms=900), Cause.PERFORMANCE, {("performance", "email")}),
        (ServiceHealth(), Cause.UNKNOWN, set()),
    ],
)
def test_a_high_error_rate_and_a_degradation_are_reported_once_an_hour(rt, health, cause, events):
    for _ in range(2):
        with store.write() as session:
            issue = factories.issue(session, cause=cause)
            evidence = IssueFacts("t", "cart", (), health=health, before=ServiceHealth(p95_ms=100))
            analyze.alert(session, rt, issue, evidence)
    assert {(row.event, row.channel) for row in rows()} == events
    assert all(row.repeats == 1 for row in rows())

"""Detectors in each cycle: failing, silent and slow services open issues by themselves, once."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from core import runtime
from core.db import store
from core.models import Issue, Kind, Metric, Signal, Status, now
from core.stages import detecting, group
from tests import factories, screens

MINUTE = timedelta(minutes=1)


@pytest.fixture
def platform(tmp_path):
    return runtime.use(runtime.Runtime(screens.open_console(tmp_path)))


def measured(bad: dict[str, float] | None = None, minutes: int = 1500, ended: int = 0) -> None:
    """Quiet traffic of the cart; ``bad`` are the values of the last ten minutes before ``ended`` minutes ago."""
    at = now()
    with store.write() as session:
        for ago in range(minutes, 2, -1):
            values = {"requests": 100.0 + ago % 7, "errors": 0.0 + (ago % 50 == 0), "p95_ms": 100.0 + ago % 5}
            if bad and ended + 2 < ago <= ended + 12:
                values |= bad
            for name, value in values.items():
                session.add(Metric(source="datadog", service="cart", name=name, at=at - ago * MINUTE, value=value))


def signals() -> list[Signal]:
    with store.read() as session:
        return list(session.exec(select(Signal)))


@pytest.mark.parametrize(
    ("bad", "metric", "title"),
    [
        ({"errors": 60.0}, "error_rate", "Error rate of cart rose from 0.0 to 5"),
        ({"requests": 0.0, "errors": 0.0}, "requests", "Traffic of cart fell from 10"),
        ({"p95_ms": 210.0}, "p95_ms", "Latency of cart rose from 102 to 210 ms"),
    ],
)
def test_what_lasts_becomes_one_signal(platform, bad, metric, title):
    measured(bad)
    assert detecting.ServiceDetectors().step(platform, now()) == 1
    (found,) = signals()
    assert found.kind is Kind.METRIC and found.attributes["metric"] == metric and found.title.startswith(title)


def test_a_restart_tells_nothing_twice(platform):
    measured({"errors": 60.0})
    running = detecting.ServiceDetectors()
    assert [running.step(platform, now()), running.step(platform, now())] == [1, 0]
    assert detecting.ServiceDetectors().step(platform, now()) == 0
    assert len(signals()) == 1


def test_an_alarm_that_could_not_be_stored_is_stored_by_the_next_cycle(platform, monkeypatch):
    measured({"errors": 60.0})
    running, kept = detecting.ServiceDetectors(), detecting._stored
    monkeypatch.setattr(detecting, "_stored", locked)
    with pytest.raises(OperationalError):
        running.step(platform, now())
    monkeypatch.setattr(detecting, "_stored", kept)
    assert [running.step(platform, now()), running.step(platform, now())] == [1, 0]


def locked(*_):
    raise OperationalError("INSERT", {}, Exception("database is locked"))


def test_quiet_days_tell_nothing(platform):
    measured(minutes=2800)
    assert detecting.ServiceDetectors().step(platform, now()) == 0


def test_an_alarm_of_the_past_is_history(platform):
    measured({"errors": 60.0}, ended=60)
    assert detecting.ServiceDetectors().step(platform, now()) == 0


@pytest.mark.parametrize(
    ("status", "ago", "kind", "told"),
    [
        (Status.FIXING, 1, Kind.EXCEPTION, 0),
        (Status.ESCALATED, 1, Kind.EXCEPTION, 0),
        (Status.ESCALATED, 300, Kind.EXCEPTION, 1),  # its errors ended long ago
        (Status.ESCALATED, 300, Kind.METRIC, 0),
        (Status.RESOLVED, 1, Kind.EXCEPTION, 1),
    ],
)
def test_errors_of_an_open_issue_open_no_further_one(platform, status, ago, kind, told):
    measured({"errors": 60.0})
    with store.write() as session:
        factories.issue(session, service="cart", status=status, kind=kind, last_seen=now() - ago * MINUTE)
    assert detecting.ServiceDetectors().step(platform, now()) == told


def test_a_cycle_opens_the_issue(platform):
    measured({"errors": 60.0})
    assert group.group_new(platform) == 1
    with store.read() as session:
        issue = session.exec(select(Issue)).one()
    assert issue.service == "cart" and issue.kind is Kind.METRIC and issue.title.startswith("Error rate of cart")

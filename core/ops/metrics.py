"""Metrics for Prometheus: counted by SQL at the time of the scrape, so that every process reports the same values.

Values that move between states are gauges; counters only increase.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from sqlmodel import Session, col, func, select

from core.db import store
from core.db.columns import Seconds, select_columns
from core.models import Approval, Connector, Deployment, Issue, Notification, Round, StageRun, Status, Webhook, now
from core.models.inputs import NOTHING, InputState, Payload

__all__ = ["CONTENT_TYPE", "text"]
PREFIX = "platform_"


def text() -> bytes:
    """Prometheus' exposition format."""
    registry = CollectorRegistry()
    registry.register(_Store())
    return generate_latest(registry)


class _Store:
    def collect(self) -> Iterator[Metric]:
        with store.read() as session:
            yield _counts(session)
            yield from _rounds(session)
            yield _stages(session)
            yield from _deliveries(session)
            yield from _connectors(session)
            yield from _inputs(session)

    def describe(self) -> Iterable[Metric]:
        """Empty: no values are known before the database is read."""
        return ()


def _family(kind: type, name: str, text: str, labels: list[str], rows: Iterable[tuple]) -> Metric:
    """One metric; each row has the labels' values and the number."""
    family = kind(PREFIX + name, text, labels=labels)
    for *values, number in rows:
        family.add_metric([str(value) for value in values], number)
    return family


def _grouped(session: Session, *columns, where=()) -> list[tuple]:
    return list(session.exec(select_columns(*columns, func.count()).where(*where).group_by(*columns)))


def _counts(session: Session) -> Metric:
    found = dict(_grouped(session, Issue.status))
    rows = ((status, found.get(status, 0)) for status in Status)
    return _family(GaugeMetricFamily, "issues", "Issues by status", ["status"], rows)


def _rounds(session: Session) -> Iterator[Metric]:
    ended = _grouped(session, Round.result, where=(Round.result != "running",))
    yield _family(CounterMetricFamily, "rounds", "Collection cycles that ended, by result", ["result"], ended)
    last = session.exec(select(func.max(Round.started_at))).one()
    if last:
        age = (now() - last).total_seconds()
        yield _family(
            GaugeMetricFamily, "last_round_age_seconds", "Seconds since the last collection cycle began", [], [(age,)]
        )


def _stages(session: Session) -> Metric:
    """How often each stage completed, and its total duration."""
    rows = session.exec(
        select(StageRun.stage, StageRun.result, func.count(), func.sum(Seconds(StageRun.started_at, StageRun.ended_at)))
        .where(col(StageRun.ended_at).is_not(None))
        .group_by(StageRun.stage, StageRun.result)
    ).all()
    family = SummaryMetricFamily(PREFIX + "stage_seconds", "Stages that ended", labels=["stage", "result"])
    for stage, result, count, seconds in rows:
        family.add_metric([str(stage), result], count, float(seconds or 0.0))
    return family


def _deliveries(session: Session) -> Iterator[Metric]:
    made = _grouped(session, Deployment.environment, Deployment.status)
    yield _family(GaugeMetricFamily, "deployments", "Deployments by status", ["environment", "status"], made)
    rolled = sum(number for _, status, number in made if status == "rolled_back")
    yield _family(CounterMetricFamily, "rollbacks", "Production deployments that were rolled back", [], [(rolled,)])
    yield _family(
        GaugeMetricFamily,
        "notifications",
        "Messages by channel, event and state",
        ["channel", "event", "state"],
        _grouped(session, Notification.channel, Notification.event, Notification.state),
    )
    waiting = _grouped(session, Approval.state)
    yield _family(GaugeMetricFamily, "approvals", "Approvals by state", ["state"], waiting)
    taken = _grouped(session, Webhook.vendor)
    yield _family(GaugeMetricFamily, "webhooks", "Deliveries taken in 30 days", ["vendor"], taken)


def _up(connector: Connector) -> int | None:
    """None for an input that has received nothing yet: whether it works is not known."""
    return None if connector.note.startswith(NOTHING) else int(connector.error is None)


def _connectors(session: Session) -> Iterator[Metric]:
    rows = session.exec(select(Connector).order_by(Connector.name)).all()
    shown = (
        ("connector_up", "1: the last reading succeeded", _up),
        ("connector_failures", "Failures in a row", lambda c: c.failures),
        ("connector_lag_seconds", "Age of the newest record when it was read", lambda c: c.lag_seconds),
        (
            "connector_last_success_age_seconds",
            "Seconds since the last reading that succeeded",
            lambda c: (now() - c.last_success).total_seconds() if c.last_success else None,
        ),
    )
    for name, text, value in shown:
        found = [(row.name, value(row)) for row in rows]
        known = [(label, number) for label, number in found if number is not None]
        yield _family(GaugeMetricFamily, name, text, ["connector"], known)
    read = [(row.name, row.records) for row in rows]
    yield _family(CounterMetricFamily, "connector_records", "Records stored", ["connector"], read)


def _inputs(session: Session) -> Iterator[Metric]:
    """What was sent to the platform: requests that were accepted; requests, and records in them, that were refused."""
    states = session.exec(select(InputState).order_by(InputState.input)).all()
    for name in ("accepted", "refused"):
        rows = [(state.input, getattr(state, name)) for state in states]
        yield _family(CounterMetricFamily, f"input_{name}", f"Requests of services {name}", ["input"], rows)
    waiting = _grouped(session, Payload.input, where=(col(Payload.taken_at).is_(None),))
    yield _family(GaugeMetricFamily, "input_waiting", "Payloads that no cycle has read yet", ["input"], waiting)

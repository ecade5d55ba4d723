"""A watched release: the vendors' data, the errors, and one look at a chosen second."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from freezegun import freeze_time
from sqlmodel import select

from core import runtime
from core.db import store
from core.models import ChangeSet, Connector, Deployment, Issue, MetricPoint, Notification, Status
from core.ops.stage_log import Entry
from core.runtime import Runtime
from core.stages.context import StageContext
from core.stages.results import WatchResult
from core.stages.watch import steady, watch
from core.vendors.base import Deployed, VendorError
from tests import factories, scenes

READY = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # half an hour before the next day
STEP, REQUESTS = 30, 300.0  # seconds and requests of a metric interval
HISTORY = -900  # seconds: the start of the source's data
LIVE, BEFORE = "dpl_9d03", "dpl_4f1c"
POLICY = """
[repositories.other]
remote = "https://git.example/other.git"
[services.mail]
repository = "other"
[watch]
seconds = 600
"""


def every(seconds: float, start: float, stop: float) -> list[float]:
    return [start + seconds * n for n in range(int((stop - start) / seconds))]


@dataclass
class Metrics:
    """A source of health: ``errors`` of a service at a second since the release."""

    errors: Callable[[str, float], float] = lambda service, at: 0.0
    fault: str = ""
    silent: bool = False
    name: str = "datadog"
    asked: list[tuple] = field(default_factory=list)

    def points(self, services, since, until):
        self.asked.append((sorted(services), since, until))
        if self.fault:
            raise VendorError("datadog", self.fault)
        first, last = ((at - READY).total_seconds() for at in (since, until))
        starts = [n * STEP for n in range(HISTORY // STEP, int(last // STEP)) if n * STEP >= first]
        return [] if self.silent else [p for at in starts for name in services for p in self._points(name, at)]

    def _points(self, service: str, at: float) -> Iterable[MetricPoint]:
        for name, value in (("requests", REQUESTS), ("errors", self.errors(service, at)), ("p95_ms", 50.0)):
            when = READY + timedelta(seconds=at)
            yield MetricPoint(source=self.name, service=service, name=name, at=when, value=value)


@dataclass
class Host:
    """A deployer whose production serves ``live``; ``stuck``: a rollback has no effect."""

    live: str | None = LIVE
    sha: str = ""
    fault: str = ""
    stuck: bool = False
    name: str = "vercel"
    asked: list[tuple] = field(default_factory=list)

    def production(self, project):
        if self.fault:
            raise VendorError("vercel", self.fault)
        return self.live and Deployed(self.live, "https://shop.example", "READY", self.sha)

    def rollback(self, project, to):
        self.asked.append((project, to))
        if not self.stuck:
            self.live = to

    def with_key(self, project, key):
        return []


@dataclass
class Watched:
    """``release`` creates one; ``look`` is one look at it."""

    settings: object
    issue_id: int
    change_id: int
    row_id: int
    health: Metrics | None = field(default_factory=Metrics)
    host: Host = field(default_factory=Host)
    probe: Callable[..., str] = lambda url, **_: ""

    def runtime(self) -> Runtime:
        return runtime.use(Runtime(self.settings, health=self.health, vercel=self.host, probe=self.probe))

    def errors(self, at: Iterable[float], issue_id: int | None = None, **values) -> None:
        """Reports of a fault: of this issue by default, of another one, or of none (0)."""
        with store.write() as session:
            of = session.get_one(Issue, issue_id or self.issue_id)
            owner = (
                {} if issue_id is None else {"issue_id": issue_id or None, "set_aside": None if issue_id else "known"}
            )
            for second in at:
                when = READY + timedelta(seconds=second)
                factories.signal(session, of, at=when, received_at=when, count=1, **{**owner, **values})

    def context(self, entry: Entry) -> StageContext:
        return StageContext(self.runtime(), self.issue_id, 1, 1, entry)

    def look(self, second: float) -> tuple[WatchResult, Entry]:
        context = self.context(entry := Entry())
        with freeze_time(READY + timedelta(seconds=second)):
            return watch.watch(context, self.change_id), entry

    def set(self, **values) -> None:
        with store.write() as session:
            session.get_one(Deployment, self.row_id).sqlmodel_update(values)

    @property
    def row(self) -> Deployment:
        with store.read() as session:
            return session.get_one(Deployment, self.row_id)

    @property
    def issue(self) -> Issue:
        with store.read() as session:
            return session.get_one(Issue, self.issue_id)

    def notified(self, event: str) -> list[Notification]:
        with store.read() as session:
            of = (Notification.event == event, Notification.issue_id == self.issue_id)
            return session.exec(select(Notification).where(*of)).all()


def release(console, policy: str = "", reports: Iterable[float] | None = None) -> Watched:
    """A watched release whose fault was reported every five seconds for ten minutes, or at the times of ``reports``."""
    text = console.platform_file.read_text() + POLICY + policy
    console.platform_file.write_text(text)
    with store.write() as session:
        issue = scenes.story(session, Status.TESTING, service="cart", fingerprint="own-fault")
        session.exec(select(ChangeSet)).one().base_sha = "4f1c2ab" + "0" * 33
        for signal in session.exec(select(factories.Signal)).all():
            session.delete(signal)
        change = session.exec(select(ChangeSet)).one()
        older = READY - timedelta(hours=9)
        factories.deployment(session, change, status="failed", ready_at=older)
        row = factories.deployment(
            session, change, status="watching", before={}, after={}, ready_at=READY, ended_at=None
        )
        factories.deployment(session, change, environment="preview", ready_at=older)
    made = Watched(console, issue.id, change.id, row.id)
    made.errors(every(5, -600, 0) if reports is None else reports, release="4f1c2ab")
    return made


def another(service: str = "cart") -> int:
    """An issue for another fault."""
    with store.write() as session:
        return factories.issue(session, service=service, fingerprint="other-fault").id


def real_clock(monkeypatch, *seconds: float) -> None:
    """The machine's own clock at each look, independent of the database's clock."""
    told = iter(seconds)
    monkeypatch.setattr(steady, "time", SimpleNamespace(monotonic=lambda: next(told)))


def read_until(source: str, second: float) -> None:
    """The source was last read at this second."""
    with store.write() as session:
        session.merge(Connector(name=source, last_success=READY + timedelta(seconds=second)))

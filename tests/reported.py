"""Reports of crashes and alerts in a store, and the issues that they become."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, select

from core import runtime
from core.db import store
from core.models import Issue, IssueLink, Kind, LinkKind, Signal, Status, now
from core.stages import group
from tests import screens

MINUTE = timedelta(minutes=1)
TWO_REPOSITORIES = (
    screens.PLATFORM
    + """
[repositories.partner]
remote = "https://git.example/partner.git"
vercel_project = "partner"

[services.partner]
repository = "partner"
"""
)


def two_repositories(folder) -> runtime.Runtime:
    """A runtime on an empty store with the shop's services, and one of another repository."""
    return runtime.use(runtime.Runtime(screens.open_console(folder, platform=TWO_REPOSITORIES)))


def saved(service: str, ago: float, **values) -> None:
    """A signal so many minutes ago; a crash in shop/price.py unless ``values`` say something else."""
    frames = [
        {"file": f"shop/{service}.py", "function": "handle", "code": "return total(cart)"},
        {"file": "shop/price.py", "function": "total", "line": 7, "code": "price = prices[line.article]"},
    ]
    crash = {"exception": {"type": "KeyError", "message": "'GONE'"}, "frames": frames}
    given = {"kind": Kind.EXCEPTION, "title": "KeyError: 'GONE'", "crash": crash, "source": "sentry", "count": 3}
    with store.write() as session:
        number = len(session.exec(select(Signal.id)).all())
        session.add(Signal(vendor_id=f"v{number}", service=service, at=now() - ago * MINUTE, **given | values))


def alert(service: str, ago: float, title: str, source: str = "datadog", **values) -> None:
    saved(service, ago, kind=Kind.ALERT, title=title, crash=None, count=1, source=source, **values)


def grouped(platform) -> list[Issue]:
    group.group_new(platform)
    return every()


def every() -> list[Issue]:
    with store.read() as session:
        return list(session.exec(select(Issue).order_by(col(Issue.id))))


def links() -> list[tuple[int, int, LinkKind, bool]]:
    with store.read() as session:
        rows = session.exec(select(IssueLink).order_by(col(IssueLink.id))).all()
    return [(row.child_id, row.parent_id, row.kind, row.ended_at is None) for row in rows]


def started(platform) -> list[int]:
    return group.start_new(platform, begin=lambda session, issue: None)


def move(issue_id: int, status: Status, **values) -> None:
    with store.write() as session:
        row = session.get_one(Issue, issue_id)
        row.sqlmodel_update({"status": status, "ended_at": now(), **values})

"""The collection cycle as Kestra's tasks: begin, one read for each source, then group.

``begin`` records the cycle, so that the console shows it beside those of the engine. Each ``read`` notes its own
result on the source's connector; a vendor that fails ends no other task. ``group`` starts the flow "issue" once for
each issue that is ready.
"""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from core import runtime
from core.db import store
from core.decision import windows
from core.models import Connector, Issue, Round, Signal, Status, now
from core.ops import durable
from core.stages import collect as collecting
from core.stages import group as grouping
from core.stages import reconsider
from core.stages.collect import Collector
from core.vendors import registry
from core.vendors.base import Source, VendorError

INPUTS = "inputs"  # everything that services and vendors send to the platform themselves
WORKER = durable.KESTRA


def server():
    """The Kestra server. Raises VendorError if none is connected."""
    made = registry.kestra(runtime.current().settings)
    if made is None:
        raise VendorError("kestra", "is not connected: set KESTRA_URL", permanent=True)
    return made


def begin(given) -> dict:
    """Record a cycle. An earlier one that was killed is closed: the flow runs once at a time."""
    with store.write() as session:
        for old in session.exec(select(Round).where(Round.worker == WORKER, col(Round.ended_at).is_(None))):
            old.ended_at, old.result = now(), "interrupted"
        row = Round(slot=f"kestra-{now().timestamp():.3f}", worker=WORKER)
        session.add(row)
        session.flush()
        return {"round": row.id}


def read(given) -> dict:
    """Read one vendor, or all inputs in use. A source that is not connected has nothing to read."""
    rt = runtime.current()
    results = {source.name: collecting.read(source, rt.policy) for source in rt.sources if _is(source, given.source)}
    faults = [f"{name}: {found['error']}" for name, found in results.items() if found["error"]]
    return {"records": sum(found["records"] for found in results.values()), "error": "; ".join(faults)}


def _is(source: Source, name: str) -> bool:
    in_use = getattr(source, "connected", None)
    return bool(in_use) if name == INPUTS else source.name == name


def group(given) -> dict:
    """Group what was read, start the ready issues, and end the cycle."""
    rt = runtime.current()
    new = grouping.group_new(rt)
    kestra = server()
    started = grouping.start_new(rt, begin=_take) + reconsider.start(rt, begin=_take) + _due()
    for issue_id in _unstarted(started):
        with store.read() as session:
            run = session.get_one(Issue, issue_id).run
        kestra.trigger("issue", {"issue": str(issue_id)}, f"issue-{issue_id}-run-{run}")
    if given.round:
        _end(given.round, new)
    return {"issues": started}


def _end(number: int, issues: int) -> None:
    with store.write() as session:
        row = session.get_one(Round, number)
        counts = session.exec(
            select(Signal.source, func.count()).where(Signal.received_at >= row.started_at).group_by(Signal.source)
        )
        read_ = session.exec(select(Connector).where(col(Connector.last_attempt) >= row.started_at)).all()
        records = dict(counts.all())
        row.detail = {c.name: {"records": records.get(c.name, 0), "error": c.error} for c in read_}
        row.records, row.issues, row.ended_at = sum(records.values()), issues, now()
        row.result = "partial" if any(connector.error for connector in read_) else "ok"


def collect(given) -> dict:
    """All of it in one task."""
    given.round = begin(given)["round"]
    collector = Collector()
    try:
        collector.round(runtime.current())
    finally:
        collector.close()
    return group(given)


def _take(session: Session, issue: Issue) -> None:
    """Count a run that Kestra starts. A scheduled one that a person started does not wait for its window again."""
    at_once = issue.at_once and issue.status is Status.SCHEDULED
    durable.new_run(session, issue, None)
    issue.at_once = at_once


def _due() -> list[int]:
    """Scheduled issues of Kestra whose maintenance window is open or was passed: a new run diagnoses them again."""
    at = now()
    opened = windows.maintenance_opens(at, runtime.current().policy.maintenance) <= at
    come = () if opened else (col(Issue.scheduled_for) <= at,)
    with store.write() as session:
        rows = session.exec(select(Issue).where(Issue.status == Status.SCHEDULED, *come)).all()
        due = [row for row in rows if not durable.known(row.workflow_id)]
        for issue in due:
            _take(session, issue)
        return [issue.id for issue in due]


def _unstarted(fresh: list[int]) -> list[int]:
    """Issues to start, including those that an earlier cycle took but did not start: the key starts each only once."""
    with store.read() as session:
        rows = session.exec(select(Issue).where(Issue.status == Status.ANALYZING)).all()
    return sorted({*fresh, *(row.id for row in rows if not durable.known(row.workflow_id))})

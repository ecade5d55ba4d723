"""Hand over: a person takes the issue, with everything that was found."""

from __future__ import annotations

from sqlmodel import col, select

from core import journal, notify, pull_request, store
from core.models import ChangeSet, Status
from core.runtime import Runtime
from core.stages import learn

# how a run ended -> the outcome that learning counts
OUTCOMES = {
    "rolled_back": "rolled_back",
    "refused": "rejected",
    "escalated": "escalated",
    "low_confidence": "escalated",
    "superseded": "escalated",
}
REFUSED = ("refused", "tests_failed", "no_fix")  # what was published of such a run is taken back


def run(rt: Runtime, issue_id: int, run: int, event: str, says: str) -> dict:
    if event in REFUSED:
        says = "; ".join([says, *_withdrawn(rt, issue_id, run, says)])
    with store.write() as session:
        learn.remember(session, issue_id, run, OUTCOMES.get(event, "failed"), says)
        issue = journal.move(session, issue_id, Status.ESCALATED, says)
        notify.queue(session, event, issue, f"{event}-{issue_id}-{run}", says)
        learn.note(session, issue_id, run, "escalate", {"event": event, "says": says[:500]})
    return {"ok": True}


def _withdrawn(rt: Runtime, issue_id: int, run: int, why: str) -> list[str]:
    """Take back what this run published; what could not be, in words. A person gets the issue in any case."""
    with store.read() as session:
        rows = session.exec(
            select(ChangeSet)
            .where(ChangeSet.issue_id == issue_id, ChangeSet.run == run, ChangeSet.branch != "")
            .order_by(col(ChangeSet.id).desc())
        ).all()
    return [left for row in rows if (left := pull_request.withdraw(rt, row, why))]

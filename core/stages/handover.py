"""Hand over: a person takes the issue, with everything that was found."""

from __future__ import annotations

from core import journal, notify, store
from core.models import Status
from core.runtime import Runtime
from core.stages import learn

# how a run ended -> the outcome that learning counts
OUTCOMES = {
    "rolled_back": "rolled_back",
    "refused": "rejected",
    "escalated": "escalated",
    "low_confidence": "escalated",
}


def run(rt: Runtime, issue_id: int, run: int, event: str, says: str) -> dict:
    with store.write() as session:
        learn.remember(session, issue_id, run, OUTCOMES.get(event, "failed"), says)
        issue = journal.move(session, issue_id, Status.ESCALATED, says)
        notify.queue(session, event, issue, f"{event}-{issue_id}-{run}", says)
        learn.note(session, issue_id, run, "escalate", {"event": event, "says": says[:500]})
    return {"ok": True}

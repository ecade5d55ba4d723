"""An issue that was escalated for want of evidence is decided again, fixed and released, with nobody in between."""

from __future__ import annotations

from core.db import store
from core.models import AuditRow, Decision, Outcome, Signal, Status, Verdict, now
from core.stages import reconsider
from tests.stories.test_flow import ended, rows
from tests.stories.world import until


def told_by_another_source(issue_id: int) -> None:
    """The same crash, reported by a second vendor."""
    first = rows(Signal, Signal.issue_id == issue_id)[0].model_dump(exclude={"id", "vendor_id", "source", "at"})
    with store.write() as session:
        session.add(Signal(**first | {"received_at": now()}, source="datadog", vendor_id="dd-1", at=now()))


def test_new_evidence_starts_a_second_run_that_ends_in_a_release(world):
    w = world()
    w.ledger.put("finding", {"confidence": 0.7})
    issue_id = w.issue()
    first = ended(w, issue_id, Status.ESCALATED, Status.RESOLVED)
    assert (first.status, first.verdict) == (Status.ESCALATED, Verdict.ESCALATE_HUMAN), first.reason
    assert reconsider.start(w.rt) == [], "nothing is new"

    told_by_another_source(issue_id)
    w.ledger.put("finding", {"confidence": 0.75})
    assert reconsider.start(w.rt) == [issue_id]
    assert reconsider.start(w.rt) == [], "it is under way"
    until(lambda: w.get(issue_id).status in (Status.WATCHING, Status.RESOLVED, Status.ESCALATED))
    w.was_frequent(issue_id)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)

    assert (issue.status, issue.run, issue.requested_by) == (Status.RESOLVED, 2, None), issue.reason
    assert [(one.run, one.verdict) for one in rows(Decision)] == [
        (1, Verdict.ESCALATE_HUMAN),
        (2, Verdict.AUTO_RESOLVE),
    ]
    assert [(one.run, one.result) for one in rows(Outcome)] == [(1, "escalated"), (2, "fixed")]
    (again,) = rows(AuditRow, AuditRow.action == "decided_anew")
    assert again.actor == "platform" and again.key == f"issue-{issue_id}-run-2-decided_anew"

"""The last checks before production. They run at the release itself, so no path through the flow bypasses them."""

from __future__ import annotations

from typing import TypeVar

from sqlmodel import Session, col, select

from core.models import Approval, ChangeSet, Decision, Review, TestRun, Verdict

Row = TypeVar("Row", Decision, Review, TestRun)

SURE = 0.8  # a patch below this has no evidence for its behaviour: a person approves it


def needs_approval(change: ChangeSet) -> bool:
    """A patch without a proof by the whole suite, or without evidence for its behaviour, needs a person first."""
    return not change.proof.get("complete") or bool(change.proof.get("slow")) or change.confidence < SURE


def missing(session: Session, issue_id: int, run: int, change: ChangeSet) -> list[str]:
    """What this change lacks for production; empty if nothing."""
    decision = _newest(session, Decision, Decision.issue_id == issue_id, Decision.run == run)
    review = _newest(session, Review, Review.change_set_id == change.id)
    asked = needs_approval(change) or unseen(review) or decision is None or decision.needs_approval or unasked(decision)
    approved = session.exec(
        select(Approval).where(
            Approval.issue_id == issue_id,
            Approval.state == "approved",
            Approval.patch_hash == change.patch_hash,
        )
    ).first()
    locks = {
        "no decision allows it": decision is None or decision.verdict is Verdict.ESCALATE_HUMAN,
        "the review has not passed": review is None or not review.passed,
        "the tests have not passed": not tested(session, change),
        "this exact patch lacks a person's approval": asked and approved is None,
    }
    return [says for says, locked in locks.items() if locked]


def tested(session: Session, change: ChangeSet) -> bool:
    """Did the service's tests pass in their last run on this change?"""
    tests = _newest(session, TestRun, TestRun.change_set_id == change.id)
    return tests is not None and tests.passed


def unasked(decision: Decision) -> bool:
    """Was the decision made by an older version, which did not require corroboration?"""
    return "corroborated" not in (decision.receipt.get("inputs") or {})


def unseen(review: Review | None) -> bool:
    """Did the review pass although one of its gates could not run (CodeRabbit or OSV did not respond)?"""
    return review is not None and review.passed and not all(gate.get("passed") for gate in review.gates)


def _newest(session: Session, table: type[Row], *where) -> Row | None:
    return session.exec(select(table).where(*where).order_by(col(table.id).desc()).limit(1)).first()

"""The last checks before production. They run in the release itself, so that no path of the flow bypasses them."""

from __future__ import annotations

from typing import TypeVar

from sqlmodel import Session, col, select

from core.models import Approval, ChangeSet, Decision, Issue, Review, TestRun, Verdict
from core.policy.reader import Policy
from core.stages import autonomy

Row = TypeVar("Row", Decision, Review, TestRun)

SURE = 0.8  # of a change that an older version wrote, which has a confidence instead of a class


def needs_approval(change: ChangeSet) -> bool:
    """Does the patch need a person's approval: no proof by the whole test suite, or a class without autonomy?"""
    alone = change.proof["autonomy"]["may"] if "autonomy" in change.proof else change.confidence >= SURE
    return not change.proof.get("complete") or bool(change.proof.get("slow")) or not alone


def lost(session: Session, policy: Policy, change: ChangeSet) -> bool:
    """Has its class lost the autonomy that it had when the change was written?"""
    service = session.get_one(Issue, change.issue_id).service
    return "autonomy" in change.proof and not autonomy.of_change(session, policy, service, change).may


def missing(session: Session, issue_id: int, run: int, change: ChangeSet, policy: Policy) -> list[str]:
    """The requirements for production that this change does not meet."""
    decision = _newest(session, Decision, Decision.issue_id == issue_id, Decision.run == run)
    review = _newest(session, Review, Review.change_set_id == change.id)
    asked = needs_approval(change) or unseen(review) or decision is None or decision.needs_approval or unasked(decision)
    asked = asked or lost(session, policy, change)
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
    return [text for text, locked in locks.items() if locked]


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

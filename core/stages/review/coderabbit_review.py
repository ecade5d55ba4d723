"""CodeRabbit's review of a fix that passed our own gates; the flow waits for it for a limited time.

Its critical and major findings go back to the fixer; others are noted. If there is no review (rate limit, skipped, no
response in time), a person's approval is required instead.
"""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, select

from core.db import store
from core.models import ChangeSet, Issue, Review, now
from core.ops.stage_log import Entry
from core.policy.messages import CodeRabbitRules
from core.policy.services import Repository
from core.runtime import Runtime, connected
from core.stages import pull_request
from core.stages.context import StageContext
from core.stages.results import PeerReview
from core.vendors.base import ReviewProgress, VendorError

GATE = "coderabbit"
ASKS = 2  # how often a review is requested again


def applies(rt: Runtime, repository: Repository, change: ChangeSet) -> bool:
    """Does the flow have to wait for a review?"""
    return bool(rt.policy.coderabbit.enabled and rt.reviewer and repository.github and change.pull_number)


def look(context: StageContext, change_id: int, asked: int) -> PeerReview:
    """One look: waiting (look again in ``seconds``), or ended with ``ok`` and what must be fixed.

    ``asked`` is the number of times that a review was requested again; a look that requests one returns it raised by
    one.
    """
    rt, entry = context.runtime, context.log
    with store.read() as session:
        issue, change = session.get_one(Issue, context.issue_id), session.get_one(ChangeSet, change_id)
        began = _review(session, change_id).created_at
    _, repository = rt.repository_of(issue.service)
    rules = rt.policy.coderabbit
    left = (began + timedelta(minutes=rules.wait_minutes) - now()).total_seconds()
    seen = _seen(rt, repository, change)
    if seen.state == "done":
        judged = _judged(entry, change_id, seen, rules)
        if not judged.ok and (left := pull_request.withdraw(rt, change, entry.message)):
            entry.failed(f"{entry.message}; {left}")
        return judged
    if left <= 0 or (seen.state in ("limited", "skipped") and (asked >= ASKS or seen.wait > left)):
        return _absent(entry, change_id, seen)
    if seen.state in ("limited", "skipped"):
        return _ask_again(rt, entry, repository, change, seen, asked)
    entry.result, entry.message = "waiting", f"{seen.message}; {left / 60:.0f} min left"
    return _again(min(rules.every_seconds, max(left, 1.0)), asked)


def _seen(rt: Runtime, repository: Repository, change: ChangeSet) -> ReviewProgress:
    try:
        return connected(rt.reviewer, "reviewer").look(repository.github, _pull(change), change.head_sha)
    except VendorError as error:
        return ReviewProgress("waiting", message=f"CodeRabbit's review could not be read ({error.message})")


def _pull(change: ChangeSet) -> int:
    """The number of the pull request, which ``applies`` requires. Raises ValueError if there is none."""
    if change.pull_number is None:
        raise ValueError(f"change {change.id} has no pull request")
    return change.pull_number


def _ask_again(
    rt: Runtime, entry: Entry, repository: Repository, change: ChangeSet, seen: ReviewProgress, asked: int
) -> PeerReview:
    """Wait as long as CodeRabbit asked for, then request the review again; idempotent for each commit and request."""
    entry.result = "waiting"
    if seen.wait and asked == 0:
        entry.message = f"{seen.message}; retry in {seen.wait:.0f} s"
        return _again(seen.wait, asked=1)
    key = f"review-{change.head_sha[:12]}-{asked}"
    try:
        connected(rt.reviewer, "reviewer").ask(repository.github, _pull(change), key)
        entry.message = f"{seen.message}; review requested again"
    except VendorError as error:
        entry.message = f"{seen.message}; it could not be requested again ({error.message})"
    return _again(rt.policy.coderabbit.every_seconds, asked + 1)


def _again(seconds: float, asked: int) -> PeerReview:
    return PeerReview(state="waiting", seconds=seconds, asked=asked)


def _judged(entry: Entry, change_id: int, seen: ReviewProgress, rules: CodeRabbitRules) -> PeerReview:
    blocking = [f for f in seen.findings if f.severity in rules.block]
    findings = [f"{f.path}:{f.line}: {f.severity}: {f.message}" for f in blocking]
    message = f"{seen.message}, {len(blocking)} of them blocking"
    found = [
        {"gate": GATE, "path": f.path, "line": f.line, "severity": f.severity, "says": f.message} for f in seen.findings
    ]
    _keep(change_id, {"gate": GATE, "passed": not blocking, "done": True, "says": message}, found, passed=not blocking)
    entry.message = message
    if blocking:
        entry.failed(message)
    return PeerReview(state="ended", ok=not blocking, findings=tuple(findings))


def _absent(entry: Entry, change_id: int, seen: ReviewProgress) -> PeerReview:
    message = f"no review by CodeRabbit ({seen.message}); a person's approval is required instead"
    _keep(change_id, {"gate": GATE, "passed": False, "done": False, "says": message}, [], passed=True)
    entry.message = message
    return PeerReview(state="ended", ok=True, needs_approval=True)


def _keep(change_id: int, gate: dict, findings: list[dict], passed: bool) -> None:
    """Add the verdict to the change's review, once."""
    with store.write() as session:
        row = _review(session, change_id)
        row.gates = [*(g for g in row.gates if g["gate"] != GATE), gate]
        row.findings = [*(f for f in row.findings if f["gate"] != GATE), *findings]
        row.passed = passed
        session.add(row)


def _review(session: Session, change_id: int) -> Review:
    return session.exec(
        select(Review).where(Review.change_set_id == change_id).order_by(col(Review.id).desc()).limit(1)
    ).one()

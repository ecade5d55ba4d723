"""Decide: gathers the situation, calls the pure function of core/decision/receipt.py, and stores its receipt."""

from __future__ import annotations

from sqlmodel import Session, col, select

from core.db import store
from core.decision import guards, windows
from core.decision.receipt import Receipt
from core.decision.receipt import decide as decided
from core.decision.situation import Situation, rollbacks_in_a_row
from core.models import Analysis, Cause, Decision, Issue, Kind, Outcome, Status, Verdict, now
from core.models.reason import NEXT
from core.ops import stage_log
from core.runtime import Runtime
from core.signals.analysis import suspects
from core.stages import corroborate, reconsider, revert
from core.stages.context import StageContext, StepContext
from core.stages.deliver import holds
from core.stages.results import Diagnosis, Wait

UNSURE = 2  # the matrix row that escalates because confidence is too low
LEADS = {
    Verdict.AUTO_RESOLVE: "The platform fixes this",
    Verdict.SCHEDULE_MAINTENANCE: "The platform fixes this in a maintenance window",
    Verdict.ESCALATE_HUMAN: "A person decides",
}
MORE = {"approval": "A person approves the release", "queue": "The release waits"}  # by effect of the guards
HELD, TRIED = ("fixed",), ("fixed", "rolled_back", "rejected")


def run(context: StageContext) -> Diagnosis:
    rt, issue_id, entry = context.runtime, context.issue_id, context.log
    with store.write() as session:
        issue = session.get_one(Issue, issue_id)
        analysis = session.exec(
            select(Analysis).where(Analysis.issue_id == issue_id).order_by(col(Analysis.id).desc()).limit(1)
        ).one()
        receipt = decided(situation(rt, session, issue, analysis), rt.policy)
        receipt = revert.decided(receipt, issue) if issue.reverts else receipt
        session.add(
            Decision(
                issue_id=issue_id,
                analysis_id=analysis.id,
                run=context.run,
                verdict=receipt.verdict,
                confidence=receipt.confidence,
                row=receipt.row,
                needs_approval=receipt.needs_approval,
                receipt=receipt.as_json(),
            )
        )
        # a person's decision says nothing about how well the platform decides
        issue.verdict, issue.confidence = (None, None) if issue.reverts else (receipt.verdict, receipt.confidence)
        again = reconsider.explained(session, issue_id, context.run)
        issue.reason = entry.message = " ".join(filter(None, [again, explain(receipt, analysis)]))
    entry.detail = {"verdict": receipt.verdict, "confidence": receipt.confidence, "row": receipt.row}
    return Diagnosis(
        verdict=receipt.verdict,
        needs_approval=receipt.needs_approval,
        message=entry.message,
        uncorroborated=uncorroborated(receipt.as_json()),
        diagnosis=context.attempt,
        event="low_confidence" if receipt.row == UNSURE else "escalated",
    )


def situation(rt: Runtime, session: Session, issue: Issue, analysis: Analysis) -> Situation:
    """The situation of an issue, as the input of the pure function."""
    alike = select(Outcome.result).where(Outcome.pattern == analysis.pattern, Outcome.pattern != "")
    results = session.exec(alike).all()  # issues without a pattern have nothing in common
    newest = session.exec(
        select(Outcome.result)
        .where(col(Outcome.result).in_(("fixed", "rolled_back")))
        .order_by(col(Outcome.id).desc())
        .limit(20)
    ).all()
    found = corroborate.judged(rt, session, issue)
    return Situation(
        service=rt.policy.worst_of(issue.affected),
        severity=analysis.severity,
        impact=analysis.impact,
        cause=Cause.SECURITY if issue.kind is Kind.SECURITY else analysis.cause,
        analysis=analysis.confidence,
        simplicity=analysis.simplicity,
        successes=sum(r in HELD for r in results),
        outcomes=sum(r in TRIED for r in results),
        occurrences=issue.occurrences,
        deployments_last_hour=holds.places_taken(session, now()),
        rollbacks_in_a_row=rollbacks_in_a_row(list(newest)),
        suspect=bool(suspects.commit(analysis.evidence)),
        corroborated=found.corroborated,
        corroboration=found.message,
        # a finding is one place in one repository, however many services run it
        services=1 if issue.kind is Kind.SECURITY else max(1, len(issue.affected)),
    )


def uncorroborated(receipt: dict) -> bool:
    """Is missing corroboration the only reason for a person's approval?"""
    asking = [guard["name"] for guard in receipt["guards"] if guard["effect"] == "approval"]
    return receipt["needs_approval"] and asking == [guards.CORROBORATION]


def explain(receipt: Receipt, analysis: Analysis) -> str:
    """What was decided and why, in a few sentences; the receipt has every number, rule and guard."""
    reasons = _fired(receipt, "escalate") or receipt.row_message
    text = f"{LEADS[receipt.verdict]}: {reasons} (row {receipt.row}, confidence {receipt.confidence:.2f})."
    if receipt.verdict is not Verdict.ESCALATE_HUMAN:
        text += "".join(f" {lead}: {why}." for effect, lead in MORE.items() if (why := _fired(receipt, effect)))
    elif analysis.next_step:
        text += f" {NEXT}{analysis.next_step}"
    if receipt.open_to_evidence:
        text += " It is decided again if new reports change this, until a person acts."
    return text


def _fired(receipt: Receipt, effect: str) -> str:
    """What each guard with this effect says."""
    return "; ".join(guard["says"] for guard in receipt.guards if guard["effect"] == effect)


def schedule(context: StepContext) -> Wait:
    """Seconds until the maintenance window is open; 0 while it is, and for an issue that a person started now."""
    at = now()
    opens = windows.maintenance_opens(at, context.runtime.policy.maintenance)
    seconds = max(0.0, (opens - at).total_seconds())
    with store.write() as session:
        if session.get_one(Issue, context.issue_id).at_once:
            return Wait()
        if seconds:
            issue = stage_log.move(
                session,
                context.issue_id,
                Status.SCHEDULED,
                f"Waiting for the maintenance window at {opens:%Y-%m-%d %H:%M} UTC.",
            )
            issue.scheduled_for = opens
    return Wait(seconds)

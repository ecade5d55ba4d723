"""Reconsider: an escalated issue is decided again when later reports would change its decision.

A fast input may deliver the third report seconds after the second, so the decision at the second one must not be
final. Only what the new reports add counts: the decision is judged again with its own recorded inputs, the added
confidence, and the higher of the severities then and now. A person's action on the issue ends this, and so does the
``MOST``-th decision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from sqlmodel import Session, col, select

from core.db import store
from core.decision import evidence as more
from core.decision.situation import Situation, read_situation
from core.models import AuditRow, Decision, Impact, Issue, Severity, Signal, Status, Verdict, now
from core.models.counted import counted
from core.ops import durable, stage_log
from core.runtime import Runtime
from core.signals.analysis import security
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.types import Conclusion, IssueFacts
from core.stages import analyze, learn
from core.stages.group import MEMORY

log = logging.getLogger(__name__)
MOST = 3  # times that the escalation of one issue is decided again
AT_ONCE = 20  # issues per cycle, the latest reports first
ACTION = "decided_anew"
SEVERITIES, IMPACTS = list(Severity), list(Impact)


def start(rt: Runtime, begin: Callable[[Session, Issue], None] = durable.begin) -> list[int]:
    """Start a new run of every issue whose escalation its new reports change; returns the issues."""
    if rt.policy_error:
        return []
    return [issue.id for issue, decision in _candidates() if _again(rt, issue, decision, begin)]


def _candidates() -> list[tuple[Issue, Decision]]:
    """Escalated issues that nobody took and that were reported again since, each with its decision."""
    with store.read() as session:
        rows = session.exec(
            select(Issue)
            .where(
                Issue.status == Status.ESCALATED,
                Issue.verdict == Verdict.ESCALATE_HUMAN,
                col(Issue.last_seen) > now() - MEMORY,
                col(Issue.assignee).is_(None),
            )
            .order_by(col(Issue.last_seen).desc())
            .limit(AT_ONCE)
        ).all()
        decided = [(issue, _decision(session, issue)) for issue in rows]
        return [(issue, made) for issue, made in decided if made and _reported_since(session, made)]


def _decision(session: Session, issue: Issue) -> Decision | None:
    """The decision that escalated the issue's current run, while evidence may still change it."""
    where = (Decision.issue_id == issue.id, Decision.verdict == Verdict.ESCALATE_HUMAN)
    made = session.exec(select(Decision).where(*where).order_by(col(Decision.id).desc()).limit(MOST + 1)).all()
    if not made or len(made) > MOST or made[0].run != issue.run:
        return None
    return made[0] if made[0].receipt.get("open_to_evidence") else None


def _since(decision: Decision) -> tuple:
    return Signal.issue_id == decision.issue_id, col(Signal.received_at) > decision.created_at


def _reported_since(session: Session, decision: Decision) -> bool:
    return session.exec(select(Signal.id).where(*_since(decision)).limit(1)).first() is not None


def _again(rt: Runtime, issue: Issue, decision: Decision, begin: Callable[[Session, Issue], None]) -> bool:
    """Decide one issue again if its new reports change the decision. A failure does not block other issues."""
    try:
        case = read_situation(dict(decision.receipt["inputs"]))
        grown = _grown(rt, issue, decision, case)
    except Exception:
        log.exception("issue %s could not be reconsidered", issue.id)
        return False
    if not more.changes(case, grown, rt.policy):
        return False
    with store.write() as session:
        kept = session.get_one(Issue, issue.id)
        if (kept.status, kept.run) != (Status.ESCALATED, decision.run) or _acted(session, kept, decision):
            return False
        reason = _says(case, grown)
        begin(session, kept)
        learn.note(session, kept.id, kept.run, ACTION, {"says": reason, "after_run": decision.run})
        stage_log.move(session, kept.id, Status.ANALYZING, reason)
    return True


def _acted(session: Session, issue: Issue, decision: Decision) -> bool:
    """Has a person acted on the issue since the decision, or requested the run?"""
    if issue.assignee or issue.requested_by:
        return True
    rows = select(AuditRow.id).where(
        col(AuditRow.at) >= decision.created_at, AuditRow.subject == f"issue/{issue.id}", AuditRow.actor != "platform"
    )
    merged = select(Issue.id).where(Issue.merged_into == issue.id)
    return any(session.exec(found.limit(1)).first() is not None for found in (rows, merged))


def _grown(rt: Runtime, issue: Issue, decision: Decision, case: Situation) -> Situation:
    """The decision's inputs, extended by the reports since then."""
    evidence = analyze.gather(rt, issue.id)
    with store.read() as session:
        new = set(session.exec(select(Signal.source, Signal.vendor_id).where(*_since(decision))).all())
    before = replace(evidence, records=[r for r in evidence.records if (r.source, r.vendor_id) not in new])
    was, is_ = _concluded(before), _concluded(evidence)
    return replace(
        case,
        analysis=min(1.0, max(0.0, round(case.analysis + is_.confidence - was.confidence, 6))),
        simplicity=is_.simplicity if is_.simplicity != was.simplicity else case.simplicity,
        cause=is_.cause if is_.cause is not was.cause else case.cause,
        severity=max(case.severity, is_.severity, key=SEVERITIES.index),
        impact=max(case.impact, is_.impact, key=IMPACTS.index),
        occurrences=max(case.occurrences, issue.occurrences),
    )


def _concluded(evidence: IssueFacts) -> Conclusion:
    """The embedded analysis, even where a model is the analyst: it is free and treats both sides alike."""
    return security.conclude(evidence) if security.concerns(evidence) else EmbeddedAnalyst().analyze(evidence)


def _says(case: Situation, grown: Situation) -> str:
    then, new = counted(case.occurrences, "time"), counted(grown.occurrences, "time")
    seen = f"seen {new}, and {then} at that decision" if grown.occurrences != case.occurrences else f"seen {new}"
    return f"Decided again, because new reports change the escalation: {seen}."


def explained(session: Session, issue_id: int, run: int) -> str:
    """Why this run decides the issue again; empty for any other run."""
    key = f"issue-{issue_id}-run-{run}-{ACTION}"
    found = session.exec(select(AuditRow.detail).where(AuditRow.key == key)).first()
    return str(found["says"]) if found else ""

"""The current state as one JSON value, for `status`, the demo's checks and the status page."""

from __future__ import annotations

from sqlmodel import col, func, select

from core.db import store
from core.models import Approval, Connector, Deployment, Issue, Round
from core.stages import linking
from core.stages.deliver import guard, holds

SHOWN = {
    "id",
    "title",
    "service",
    "status",
    "verdict",
    "cause",
    "confidence",
    "severity",
    "impact",
    "reason",
    "run",
    "first_seen",
    "ended_at",
    "occurrences",
    "kind",
}


def status() -> dict:
    """Issues by status, connectors, the last round, the number of pending approvals, and the alarms."""
    with store.read() as session:
        issues = dict(session.exec(select(Issue.status, func.count()).group_by(Issue.status)).all())
        connectors = session.exec(select(Connector).order_by(Connector.name)).all()
        last = session.exec(select(Round).order_by(col(Round.id).desc()).limit(1)).first()
        waiting = session.exec(select(func.count()).select_from(Approval).where(Approval.state == "pending")).one()
        newest = session.exec(select(Issue).order_by(col(Issue.id).desc()).limit(200)).all()
        back = select(Deployment.issue_id, func.count()).where(Deployment.status == "rolled_back")
        rollbacks = dict(session.exec(back.group_by(col(Deployment.issue_id))).all())
        parents = linking.parents(session, col(Issue.id).in_([i.id for i in newest]))
        return {
            "all": [
                i.model_dump(mode="json", include=SHOWN)
                | {"rollbacks": rollbacks.get(i.id, 0), "parent": parents.get(i.id)}
                for i in newest
            ],
            "issues": {str(name): number for name, number in issues.items()},
            "approvals_waiting": waiting,
            "alarms": [guard.message(row) for row in guard.alarms()],
            "held": [{"scope": h.scope, "by": h.by, "reason": h.reason, "at": h.at} for h in holds.standing(session)],
            "connectors": [
                {"name": c.name, "error": c.error, "note": c.note, "last_success": c.last_success} for c in connectors
            ],
            "last_round": last and {"result": last.result, "started_at": last.started_at, "records": last.records},
        }

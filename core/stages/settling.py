"""Dismisses escalated issues whose errors do not recur: they leave the inbox, and a recurrence reopens them."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, func, select

from core.db import store
from core.models import Issue, Kind, Status
from core.ops import stage_log
from core.runtime import Runtime
from core.stages.group import GONE


def settle(rt: Runtime) -> list[int]:
    """Dismiss issues without errors for the policy's time, unless a person has them; returns their ids.

    0 hours keeps every issue open.
    """
    hours = rt.policy.guards.settle_hours
    if not hours:
        return []
    with store.write() as session:
        since = store.clock(session) - timedelta(hours=hours)
        silent = select(Issue.id).where(Issue.status == Status.ESCALATED, Issue.last_seen < since)
        silent = silent.where(Issue.kind != Kind.SECURITY)  # a finding recurs only if a scan reports it again
        for person in (Issue.assignee, Issue.owner, Issue.acknowledged_by):
            silent = silent.where(func.coalesce(person, "") == "")
        ids = list(session.exec(silent.where(col(Issue.merged_into).is_(None), col(Issue.ended_at) < since)))
        for issue_id in ids:
            stage_log.move(session, issue_id, Status.DISMISSED, f"No errors for {hours:g} hours: it {GONE}")
        return ids

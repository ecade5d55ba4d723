"""The alert on every page while production may serve a build that was neither confirmed nor rolled back."""

from __future__ import annotations

from console import process
from console.ui.markup import Safe, link, tag
from core.models import Deployment
from core.policy.reader import Policy
from core.stages.deliver import guard


def banner() -> tuple[Safe, ...]:
    """One alert for each deployment, with the command for a manual rollback; empty while nothing is wrong."""
    return tuple(_alert(row, process.policy()[0]) for row in guard.alarms())


def _alert(row: Deployment, policy: Policy) -> Safe:
    return tag(
        "div",
        tag("strong", "Production serves an unverified build. "),
        link(f"/issues?issue={row.issue_id}", f"Issue {row.issue_id}"),
        tag("p", guard.message(row)),
        tag("p", "Manual rollback: ", tag("code", guard.by_hand(row, policy))),
        class_="d-alarm",
        role="alert",
    )

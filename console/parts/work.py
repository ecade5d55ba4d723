"""The workflow behind an issue: the trace of its steps, and the actions on the workflow itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from console.ui.confirm import Offer
from console.ui.markup import Safe, clock, join, span, tag
from console.ui.widgets import RESULT, card, empty, of, table
from core.db import store
from core.models import Status
from core.queries.issues import Story

if TYPE_CHECKING:
    from core.ops.restart import Step

SHOWN = 200  # latest steps


def offers(story: Story) -> list[Offer]:
    """Release anyway and Restart, if the issue's state allows them."""
    from core.actions import release_again  # loads the durable engine, which other pages do not need
    from core.ops import restart  # loads the durable engine, which other pages do not need

    issue = story.issue
    dead = issue.status not in (Status.NEW, Status.RESOLVED, Status.DISMISSED) and restart.ended(issue.workflow_id)
    if not dead:
        return []
    found = []
    with store.read() as session:
        change = release_again.releasable(session, issue)
        refusal = release_again.no_restart(session, issue, dead)
    if change:
        found += [Offer("release_anyway", issue.id, change.title, {"patch_hash": change.patch_hash})]
    choices = {
        step.number: f"{step.stage} (step {step.number})" for step in restart.steps(issue.workflow_id) if step.stage
    }
    if choices and not refusal:
        found += [Offer("restart_from", issue.id, issue.title, choices=choices)]
    return found


def trace(story: Story) -> Safe:
    """The recorded steps of the issue's current workflow and of its releases."""
    from core.ops import restart

    issue = story.issue
    recorded = restart.steps(issue.workflow_id)
    if not recorded:
        return empty("No workflow", "No steps are recorded for the current run of this issue.")
    children = dict.fromkeys(step.child for step in recorded if step.child)
    parts = [(issue.workflow_id, recorded), *((child, restart.steps(child)) for child in children)]
    return join(_workflow(name, restart.ended(name), steps) for name, steps in parts)


def _workflow(name: str, ended: str, steps: list[Step]) -> Safe:
    return card(
        name,
        tag("p", f"The workflow {ended}." if ended else "The workflow is running.", class_="d-muted"),
        table(
            ("Step", "Name", "Stage", "Result", "Started", "Duration", "Error"),
            map(_row, steps[-SHOWN:]),
            (0, 5),
        ),
    )


def _row(step: Step) -> tuple:
    result = of(RESULT, "failed" if step.error else "ok")
    error = tag("span", step.error[:500], class_="d-clip")
    return step.number, tag("code", step.name), step.stage, result, _started(step), _took(step), error


def _started(step: Step):
    return clock(datetime.fromtimestamp(step.started_ms / 1000, UTC)) if step.started_ms else ""


def _took(step: Step) -> str:
    return span((step.ended_ms - step.started_ms) / 1000) if step.started_ms and step.ended_ms else ""

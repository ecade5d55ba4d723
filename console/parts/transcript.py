"""The attempts of models at one change: their cost, and the plan and transcript of each that kept one."""

from __future__ import annotations

from collections.abc import Mapping

from console.ui.markup import Safe, join, span, tag
from console.ui.widgets import card, code, table
from core.models.counted import counted

KINDS = {"says": "Says", "calls": "Calls", "result": "Result", "cut": "Cut"}
HEADS = ("Generator", "Duration", "Tokens", "Cost, USD", "Result")


def drawn(attempts: object) -> Safe | str:
    """Everything here is strangers' text and is escaped; empty if no model was asked."""
    rows = [row for row in attempts if isinstance(row, Mapping)] if isinstance(attempts, list) else []
    if not rows:
        return ""
    return card("Models", table(HEADS, map(_row, rows), (1, 2, 3)), join(map(_told, rows)))


def _row(row: Mapping) -> tuple:
    return (
        str(row.get("generator", "")),
        span(row.get("seconds") or 0.0),
        f"{row.get('tokens') or 0:,}",
        f"{row.get('cost_usd') or 0:.3f}",
        str(row.get("reason") or "accepted"),
    )


def _told(row: Mapping) -> Safe | str:
    steps = row.get("transcript")
    if not isinstance(steps, list) or not steps:
        return ""
    text = "\n".join(
        f"{KINDS.get(str(step.get('kind')), '')}: {step.get('text')}" for step in steps if isinstance(step, Mapping)
    )
    return join(
        [
            tag("p", tag("b", "Plan: "), str(row.get("plan") or "It stated none.")),
            tag(
                "details",
                tag("summary", f"Transcript of {row.get('generator')} ({counted(len(steps), 'step')})"),
                code(text),
            ),
        ]
    )

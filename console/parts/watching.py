"""The result of the latest look at a watched deployment, as safe HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.ui.markup import Safe, join, tag
from console.ui.widgets import empty, table

STATES = {
    "watching": "Undecided; the watch continues",
    "verified": "Fixed, no regressions",
    "uncured": "Not fixed",
    "harm": "Regression found",
    "unsure": "Unclear; a person decides whether to keep it or roll it back",
}


def found(judged: Mapping[str, Any], kept_by: str | None) -> Safe:
    """The verdict, the counts, and the results of the success checks."""
    if "state" not in judged:
        return empty("No look yet", "The first look starts when the deployment serves production.", "◔")
    return join(
        [
            tag("p", tag("b", STATES.get(judged["state"], judged["state"])), f": {judged.get('says', '')}"),
            tag("p", f"Kept by {kept_by}", class_="d-muted") if kept_by else "",
            counts(judged.get("counts", [])),
            checks(judged.get("checks", {})),
        ]
    )


def counts(rows: list[dict]) -> Safe | str:
    if not rows:
        return ""
    return table(
        ("Fingerprint or service", "Before", "After"),
        ((row["name"], f"{row['before']:.4g}", f"{row['after']:.4g}") for row in rows),
        (1, 2),
    )


def checks(answers: Mapping[str, str]) -> Safe | str:
    if not answers:
        return ""
    return table(("Success check", "Answer"), ((name, fault or "passed") for name, fault in sorted(answers.items())))

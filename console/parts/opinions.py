"""Who said what about an issue: the opinion of each analyst beside the combined one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.ui.markup import Safe, join, percent, tag
from console.ui.widgets import table

HEADS = ("Analyst", "Cause", "Severity", "Impact", "Confidence", "Simplicity", "Tokens", "Root cause")
RULE = (
    "The confidence is the mean probability that the analysts give to the cause (a linear opinion pool), "
    "and never more than that of the embedded analysis."
)


def drawn(evidence: Sequence[object], cause: str) -> Safe | str:
    """The table of opinions; empty where one analyst alone was asked."""
    said = [row["opinion"] for row in evidence if isinstance(row, Mapping) and isinstance(row.get("opinion"), Mapping)]
    if not said:
        return ""
    agree = sum(one.get("cause") == cause for one in said)
    return join(
        [
            tag("h3", f"Opinions: {agree} of {len(said)} agree"),
            tag("p", RULE),
            table(HEADS, map(_row, said), (4, 5, 6)),
        ]
    )


def _row(one: Mapping) -> tuple:
    model = one.get("model")
    return (
        f"{one.get('analyst')} ({model})" if model else f"{one.get('analyst')}",
        f"{one.get('cause')}",
        f"{one.get('severity')}",
        f"{one.get('impact')}",
        percent(one.get("confidence") or 0),
        percent(one.get("simplicity") or 0),
        f"{one.get('tokens') or 0:,}",
        f"{one.get('root_cause')}"[:600],
    )

"""The suspect change of an analysis, as its evidence tells it. Pure; every text of it is a stranger's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.models.patterns import Linear

LIKELY = 0.5  # score from which a change is shown as the suspect
COMMIT = Linear(r"(?:^|[@+:/])([0-9a-f]{7,40})$")


def commit_of(release: str | None) -> str:
    """The commit that a release names, as 4f1c2ab or shop@4f1c2ab; empty if it names none."""
    found = COMMIT.search(release or "")
    return found[1] if found else ""


def suspect(evidence: Sequence[object]) -> Mapping | None:
    """The change that most likely caused the issue; None without one, or while none is likely."""
    changes = [row["change"] for row in evidence if isinstance(row, Mapping) and isinstance(row.get("change"), Mapping)]
    return changes[0] if changes and changes[0].get("score", 0) >= LIKELY else None


def commit(evidence: Sequence[object]) -> str:
    """The commit of the suspect change; empty if it names none, as a change of a flag does."""
    found = suspect(evidence) or {}
    return commit_of(str(found.get("sha") or found.get("name") or ""))

"""Two more gates of the review: the new capabilities of the patch, and whether its generated test may be committed.

Both only read text. The approver sees the new capabilities of a patch; a patch that reaches outside the program, or
weakens a check, needs that person's approval.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from core.models.counted import counted
from core.policy.services import Repository
from core.repair.judge.capabilities import NOTHING, Capability, capabilities
from core.repair.prove import generated_tests
from core.repair.sandbox.runner import read_back
from core.repair.types import RegressionTest
from core.stages.review.gate import CAPABILITIES, Gate, GateFinding
from core.stages.review.gates import is_source, touched

LARGEST, MOST_FILES = 400_000, 401  # as many as tests are taken from, and the new one


def review(tree: Path, diff: str, before: Mapping[str, str], repository: Repository, test: str) -> list[Gate]:
    """``before`` holds the old texts of changed files; ``test`` is the path of the generated test, if there is one."""
    paths = [path for path in touched(diff) if path.endswith(".py") and is_source(path, repository)]
    after = {path: read_back(tree / path, LARGEST) for path in paths}
    found = [can_newly_do(before, after)]
    return [*found, generated_test(tree, test, repository.tests)] if test else found


def can_newly_do(before: Mapping[str, str], after: Mapping[str, str]) -> Gate:
    rows = capabilities(before, after)
    flagged = [row for row in rows if row.needs_person]
    findings = tuple(GateFinding(CAPABILITIES, r.path, r.line, r.message, "note") for r in rows)
    return Gate(CAPABILITIES, not flagged, _summary(rows, flagged), float(len(flagged)), 0.0, findings, not flagged)


def _summary(rows: list[Capability], flagged: list[Capability]) -> str:
    if not rows:
        return NOTHING
    kinds = ", ".join(dict.fromkeys(row.kind for row in flagged or rows))
    count = counted(len(rows), "new capability", "new capabilities")
    return f"{count}; a person must review: {kinds}" if flagged else f"{count}, none needs a person: {kinds}"


def generated_test(tree: Path, path: str, tests: str) -> Gate:
    """Repeat, on the committed test, the check that it passed before it first ran."""
    names = [file.relative_to(tree).as_posix() for file in sorted(tree.rglob("*.py"))[:MOST_FILES]]
    texts = {name: read_back(tree / name, LARGEST) for name in names if name != path}
    why = generated_tests.refused(RegressionTest(path, read_back(tree / path, LARGEST)), texts, tests)
    findings = (GateFinding("generated test", path, 1, why),) if why else ()
    return Gate(
        "generated test", not why, why or "it contains nothing that a patch may not contain", None, None, findings
    )

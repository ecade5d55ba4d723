"""All development cases through the repairer without a model: right, plausible but wrong, silent, wrongly fixed.

    python -m tests.bench.repair.bench_dev_cases [part of a name ...]

The repairer is developed on one half of the cases; the other is held out (casefile.half): of it, figures alone are
printed. A fix without evidence is a proposal to a person and counts as silent, as it does for the command line.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from core.repair.types import Evidence
from tests.bench.repair.casefile import DEV, DEVELOP, Case, half, load
from tests.repair.casework import checked
from tests.repair.test_repairs import repaired


def became(case: Case) -> tuple[str, str]:
    """(outcome, template or reason)."""
    with tempfile.TemporaryDirectory() as folder:
        result = repaired(case, Path(folder))
        sure = result.decision == "fix" and result.candidate.grade >= Evidence.SIBLING
        if case.expected == "escalate":
            return ("wrongly fixed" if sure else "escalated"), result.reason
        if not sure:
            return "silent", result.reason
        return ("plausible but wrong" if checked(case, Path(folder)) else "right"), result.candidate.template


def main(parts: list[str]) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for case in load(DEV):
        if not parts or any(part in case.id for part in parts):
            outcome, says = became(case)
            counts[half(case.id)][outcome] += 1
            if half(case.id) == DEVELOP:
                print(f"{case.id:26} {outcome:20} {says[:70]}", flush=True)
    for which, found in sorted(counts.items()):
        print(which, dict(found))


if __name__ == "__main__":
    main(sys.argv[1:])

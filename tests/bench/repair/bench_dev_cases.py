"""All development cases through the repairer without a model: right, plausible but wrong, silent, wrongly fixed.

    python -m tests.bench.repair.bench_dev_cases [part of a name ...]

A fix without evidence is a proposal to a person and counts as silent, as it does for the command line.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from core.repair.judge import NO_EVIDENCE
from tests.bench.repair import (
    dev_cases,
    dev_cases_daily,
    dev_cases_keys,
    dev_cases_library,
    dev_cases_lookups,
    dev_cases_more,
)
from tests.repair import cases_mixed, cases_types, cases_values
from tests.repair.casework import Case, checked, read
from tests.repair.test_repairs import repaired

TABLES = (
    cases_values, cases_types, cases_mixed,
    dev_cases, dev_cases_more, dev_cases_keys, dev_cases_library, dev_cases_lookups, dev_cases_daily,
)  # fmt: skip


def became(case: Case) -> tuple[str, str]:
    """(outcome, template or reason)."""
    with tempfile.TemporaryDirectory() as folder:
        result = repaired(case, Path(folder))
        sure = result.decision == "fix" and result.confidence > NO_EVIDENCE
        if case.expected == "escalate":
            return ("wrongly fixed" if sure else "escalated"), result.reason
        if not sure:
            return "silent", result.reason
        return ("plausible but wrong" if checked(case, Path(folder)) else "right"), result.candidate.template


def main(parts: list[str]) -> None:
    counts: Counter[str] = Counter()
    for case in (c for table in TABLES for c in read(table.CASES)):
        if not parts or any(part in case.name for part in parts):
            outcome, says = became(case)
            counts[outcome] += 1
            print(f"{case.name:26} {outcome:20} {says[:70]}", flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main(sys.argv[1:])

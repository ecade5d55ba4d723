"""Correlation: one incident told by several vendors is one issue, look-alikes stay apart.

Anchors, in the same run: grouping by title, by service and exception type, and by exact stack text.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from core.signals import stack
from core.signals.candidates import Correlator
from tests.bench.signals.incidents import DEV, SECOND, THIRD, stream

AIM = 0.97
SETS = {"dev": DEV, "second": SECOND, "third": THIRD}


def pairwise(truth: list[str], given: list) -> tuple[float, float, float]:
    """(precision, recall, F1) over all pairs of records."""

    def pairs(labels) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(labels).values())

    both, found, real = pairs(zip(truth, given, strict=True)), pairs(given), pairs(truth)
    precision, recall = both / found if found else 1.0, both / real
    return precision, recall, 2 * precision * recall / (precision + recall or 1)


def merged_lookalikes(truth: list[str], given: list) -> list[str]:
    issues = defaultdict(set)
    for name, issue in zip(truth, given, strict=True):
        issues[name].add(issue)
    return [name for name in issues if name + "'" in issues and issues[name] & issues[name + "'"]]


def anchors(records) -> dict[str, list]:
    crashes = [stack.crash_of(record) for record in records]
    return {
        "title": [record.title for record in records],
        "service and type": [
            (r.service, c.exception.type if c else r.title) for r, c in zip(records, crashes, strict=True)
        ],
        "exact stack": [
            tuple((f.file, f.function, f.line) for f in c.frames) if c and c.frames else r.title
            for r, c in zip(records, crashes, strict=True)
        ],
    }


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_incident_is_one_issue(name, seed):
    told = stream(SETS[name], seed)
    records, truth = [r for r, _ in told], [t for _, t in told]
    correlator = Correlator()
    given = [correlator.place(record).issue_id for record in records]
    precision, recall, f1 = pairwise(truth, given)
    wrong = merged_lookalikes(truth, given)
    print(
        f"\n{name} seed {seed}: {len(SETS[name])} incidents and as many look-alikes, {len(records)} records: "
        f"precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f}, look-alikes merged {len(wrong)}"
    )
    for anchor, labels in anchors(records).items():
        wrongly = len(merged_lookalikes(truth, labels))
        print(f"  anchor {anchor}: F1 {pairwise(truth, labels)[2]:.3f}, merged {wrongly}")
    assert not wrong
    assert f1 >= AIM


def test_the_set_is_large_enough():
    assert sum(map(len, SETS.values())) >= 60

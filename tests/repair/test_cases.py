"""The evaluation's own cases hold together: enough of them, every family, and each crash is a real one."""

from collections import Counter

import pytest

from tests.bench.repair.bench_cases import score
from tests.bench.repair.casefile import load, unfold

CASES = load()
FIXABLE = {"none", "names", "types", "keys", "index", "iteration", "await", "division", "stdlib", "sibling"}
UNFIXABLE = {
    "environment", "network", "credentials", "tls", "disk", "memory", "schema", "data", "deliberate", "ambiguous",
    "third-party", "concurrency", "upstream",
}  # fmt: skip


def test_enough_of_every_family():
    kinds = Counter(c.head["expected"] for c in CASES)
    assert kinds["fix"] >= 42 and kinds["escalate"] >= 20
    assert {c.head["family"] for c in CASES if c.head["expected"] == "fix"} == FIXABLE
    assert {c.head["family"] for c in CASES if c.head["expected"] == "escalate"} == UNFIXABLE
    assert {c.head["source"] for c in CASES} == {"sentry", "datadog", "cloudwatch"}


@pytest.mark.parametrize("case", CASES[::9], ids=lambda c: c.id)
def test_a_case_unfolds_with_a_real_crash(case, tmp_path):
    folder = unfold(case, tmp_path)
    crash = (folder / "crash.json").read_text()
    assert '"in_app": true' in crash
    assert ('"locals"' in crash) == (case.head["source"] == "sentry")
    assert (folder / "reference.patch").exists() == (case.head["expected"] == "fix")


def test_the_four_numbers():
    outcomes = ["correct", "correct", "broken", "no-fix", "escalated", "wrongly-fixed"]
    expected = ["fix"] * 4 + ["escalate"] * 2
    got = score([{"outcome": o, "expected": e} for o, e in zip(outcomes, expected, strict=True)])
    assert (got["right"], got["plausible but wrong"], got["silent"], got["wrongly fixed"]) == (2, 1, 1, 1)
    assert (got["precision"], got["recall"]) == (0.5, 0.5)

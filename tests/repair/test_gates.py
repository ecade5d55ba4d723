"""The review's gates on real changes: each passes what is fine and names what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.policy.sections import FixRules
from core.policy.services import Repository
from core.repair.sandbox.runner import BubblewrapRunner
from core.stages.review import gates
from core.vendors.command import git
from tests.real import need

OLD = '''"""Sums."""


def total(values):
    """The sum of the values, as ``sum`` gives it."""
    return sum(values)


def mean(values, weight=1):
    """The mean.

    Args:
        values: numbers.
        weight: a factor.

    Raises ValueError when there are none.
    """
    if not values:
        raise ValueError("no values")
    return weight * total(values) / len(values)


def _inner(x):
    return x
'''
TEST = """from sums import mean, total


def test_total():
    assert total(list(range(400))) == 79800


def test_mean():
    assert mean([1, 3]) == 2
"""
SLOW = """    found = 0
    for value in values:
        for _ in values:
            found += 0
        found += value
    return found
"""
TANGLED = (
    "    for v in values:\n"
    + "".join(f"        if v == {n}:\n            return sum(values)\n" for n in range(1000, 1012))
    + "    return sum(values)\n"
)


def swapped(old: str, new: str) -> dict[str, str]:
    assert OLD.count(old) == 1
    return {"sums.py": OLD.replace(old, new)}


SUM = "    return sum(values)\n"
CHANGES = {  # name: (changed files, the gates that fail, what they say)
    "a fine change": (swapped(SUM, "    return sum(iter(values))\n"), "", ""),
    "a comment": (swapped("return x", "return x  # as it is"), "", ""),
    "a risk": (swapped(SUM, "    return eval('sum(values)')  # nosec\n"), "security", "B307"),
    "a secret": (
        swapped(SUM, "    api_key = 'k9Xq27LmZp81'\n    return sum(values, 0 * len(api_key))\n"), "secrets", "secret"
    ),
    "a filtered value": (swapped(SUM, "    token = '[Filtered]'\n    return sum(values, 0 * len(token))\n"), "", ""),
    "a manifest": ({"requirements.txt": "flask\nrequests\n"}, "dependencies", "a person must audit them"),
    "an unnamed library": (
        swapped("def total", "import numpy\n\n\ndef total"), "dependencies style", "no manifest lists numpy"
    ),
    "a named library": (swapped(SUM, "    import pytest\n\n    return sum(values, pytest is None)\n"), "", ""),
    "a slip": (swapped(SUM, "    unused = 1\n    return sum(values)\n"), "style", "F841"),
    "a tangle": (swapped(SUM, TANGLED), "complexity coverage", "complexity 14"),
    "an unproved branch": (
        swapped(SUM, "    if values == 7:\n        print(1)\n        print(2)\n    return sum(values)\n"), "coverage",
        "1 of 3 changed statements",
    ),
    "a slow way": (swapped(SUM, SLOW), "performance", "times as long"),
    "a lost docstring": (
        swapped('    """The sum of the values, as ``sum`` gives it."""\n', ""), "documentation", "lost its docstring"
    ),
    "a new function without one": (
        swapped("def _inner", "def outer(x):\n    return x\n\n\ndef _inner"), "documentation", "has no docstring"
    ),
    "a parameter that is gone": (swapped("    weight: a", "    height: a"), "documentation", "documents height"),
    "another error than promised": (
        swapped('raise ValueError("no values")', "raise LookupError(values)"), "documentation", "raises LookupError"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    found = tmp_path_factory.mktemp("gates") / "tree"
    (found / "tests").mkdir(parents=True)
    files = {"sums.py": OLD, "tests/test_sums.py": TEST, "requirements.txt": "pytest\n"}
    files["pyproject.toml"] = '[tool.pytest.ini_options]\npythonpath = ["."]\n'
    for name, text in files.items():
        (found / name).write_text(text)
    git(found, "init", "-q")
    git(found, "add", "-A")
    git(found, "commit", "-qm", "x")
    return found


def reviewed(tree: Path, files: dict[str, str], rules: FixRules | None = None) -> dict[str, gates.Gate]:
    base = git(tree, "rev-parse", "HEAD").strip()
    for name, text in files.items():
        (tree / name).write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-qm", "change")
    diff = git(tree, "diff", "-U0", base, "HEAD")
    before = gates.texts_before(lambda *a: git(tree, *a), base, diff)
    try:
        found = gates.review(tree, diff, Repository(remote=""), rules or FixRules(), BubblewrapRunner(), before)
    finally:
        git(tree, "reset", "-q", "--hard", base)
    return {gate.gate: gate for gate in found}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_meets_its_gates(name, repository, monkeypatch):
    """The costly gates run only where they have something to find; the whole review is the next test."""
    need("bwrap")
    files, failing, says = CHANGES[name]
    fine = lambda gate: lambda *_a: gates.Gate(gate, True, "not asked here")  # noqa: E731
    for place, gate in ((gates, "security"), (gates.runtime_gates, "coverage"), (gates.runtime_gates, "performance")):
        if gate not in failing:
            monkeypatch.setattr(place, gate, fine(gate))
    found = reviewed(repository, files)
    failed = sorted(gate for gate, told in found.items() if not told.passed)
    assert failed == sorted(failing.split()), [found[gate].message for gate in failed]
    assert says in " ".join(f"{found[g].message} {' '.join(f.message for f in found[g].findings)}" for g in failed)
    assert git(repository, "status", "--porcelain") == ""


def test_the_whole_review_of_a_fine_change(repository):
    need("bwrap")
    found = reviewed(repository, CHANGES["a fine change"][0])
    assert list(found) == [
        "security", "secrets", "dependencies", "style", "complexity", "coverage", "performance", "documentation"
    ]  # fmt: skip
    assert all(gate.passed for gate in found.values())
    timed = found["performance"]
    assert (
        "recorded input" in timed.message and "(noise" in timed.message and timed.limit == 2.0 and 0 < timed.value < 2
    )


def test_what_cannot_be_timed_says_so(repository, monkeypatch):
    need("bwrap")
    monkeypatch.setattr(gates.runtime_gates, "coverage", lambda *_a: gates.Gate("coverage", True, ""))
    gate = reviewed(repository, CHANGES["a comment"][0])["performance"]
    assert gate.passed and gate.value is None and "not measured" in gate.message

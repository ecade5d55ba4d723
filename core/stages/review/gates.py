"""The review's gates: security, secrets, dependencies, style, complexity, coverage, performance, documentation.

Only findings on lines that the change touched count against it. The static tools (tools.py) and runtime_gates.py, which
runs the code, run in the sandbox. Gates that only read run first, because executed code may change the files.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.policy.sections import FixRules
from core.policy.services import Repository
from core.repair.judge.policy import is_test
from core.repair.localize.sources import tree_of
from core.repair.sandbox.desk import desk
from core.repair.sandbox.runner import linting, version_of
from core.repair.types import Runner
from core.stages.review import documents, runtime_gates, text_gates, tools
from core.stages.review.gate import Changed, Gate, GateFinding, changed_lines, counted, headers
from core.stages.review.manifests import is_manifest
from core.stages.review.tools import Report

COMPLEX = re.compile(r"`(.+?)` is too complex \((\d+) > ")
Complexities = Mapping[tuple[str, str], int]  # by path and name of the function
OF_TEXTS = ("B104", "B108")  # bandit's rules on the content of a string


def is_source(path: str, repository: Repository) -> bool:
    return not path.startswith(f"{repository.tests.rstrip('/')}/") and not (repository.tests == "." and is_test(path))


def review(
    tree: Path, diff: str, repository: Repository, rules: FixRules, runner: Runner, before: Mapping[str, str]
) -> list[Gate]:
    """Run all gates over the checked-out change. ``diff`` is made with -U0; ``before`` holds the old texts by path."""
    changed = changed_lines(diff)
    source = {path: lines for path, lines in changed.items() if is_source(path, repository)}
    report, old = _looked(tree, changed, list(source), before, runner)
    read = [
        security(report, changed, source),
        text_gates.secrets(tree, changed),
        text_gates.dependencies(tree, source, touched(diff), repository.source),
        style(report, changed),
        complexity(report, tree, source, rules.complexity, old),
    ]
    documented = documents.documentation(tree, source, before, rules.documentation)
    return [*read, *runtime_gates.run(tree, source, before, repository, rules, runner), documented]


def _looked(
    tree: Path, changed: Changed, source: Sequence[str], before: Mapping[str, str], runner: Runner
) -> tuple[Report, Complexities]:
    """The tools' findings in the changed files, and the complexity of the functions in their old texts."""
    with desk(tree) as made:
        old = {path: f"{made.name}/before_{number}.py" for number, path in enumerate(sorted(changed)) if path in before}
        for path, place in old.items():
            made.put(place.rpartition("/")[2], before[path])
        report = tools.looked(tree, [*changed, *old.values()], linting(runner), version_of(runner), source)
    places = {place: path for path, place in old.items()}
    kept = {
        "ruff": [row for row in report.ruff if row.path not in places],
        "bandit": [row for row in report.bandit if row.path not in places],
    }
    return report.model_copy(update=kept), _worst(report, places)


def _worst(report: Report, places: Mapping[str, str]) -> Complexities:
    """The highest complexity of each name in the old texts, by the path that they are of."""
    worst: dict[tuple[str, str], int] = {}
    for row in report.ruff:
        if row.path in places and row.code == tools.COMPLEX:
            name, value = _complexity_of(row.message)
            key = (places[row.path], name)
            worst[key] = max(value, worst.get(key, 0))
    return worst


def touched(diff: str) -> list[str]:
    """Every file that a diff adds, changes or removes, once."""
    return sorted({line[6:] for line in headers(diff) if line.startswith(("+++ b/", "--- a/"))})


def texts_before(git: Callable[..., str], base: str, diff: str, folder: str = ".") -> dict[str, str]:
    """Old texts of the Python files and manifests that a diff changes; ``git`` runs in the repository.

    The paths in the diff are below ``folder``.
    """
    paths = {line[6:] for line in headers(diff) if line.startswith("--- a/")}
    above = "" if folder == "." else f"{folder.rstrip('/')}/"
    return {
        path: git("show", f"{base}:{above}{path}")
        for path in sorted(paths)
        if path.endswith(".py") or is_manifest(path)
    }


def security(report: Report, changed: Changed, source: Changed) -> Gate:
    """bandit: findings of medium or high severity, also in the generated test; suppression comments are ignored.

    Rules on strings do not apply to a test: what looks like an address or a temporary path there is a reported value.
    """
    if not changed:
        return Gate("security", True, "no program code changed", 0.0, 0.0)
    rows = (r for r in report.bandit if r.code not in OF_TEXTS or r.path in source)
    found = (GateFinding("security", r.path, r.line, f"{r.code}: {r.message}", r.severity) for r in rows)
    return counted("security", found, changed, "security finding")


def style(report: Report, changed: Changed) -> Gate:
    """ruff: errors, likely bugs, swallowed exceptions, and the rules that the repository selects."""
    if not changed:
        return Gate("style", True, "no Python code changed", 0.0, 0.0)
    rows = [r for r in (*report.ruff, *report.project) if r.code != tools.COMPLEX]
    once = {(r.path, r.line, r.code): r for r in reversed(rows)}.values()
    found = (GateFinding("style", r.path, r.line, f"{r.code}: {r.message}") for r in reversed(once))
    gate = counted("style", found, changed, "style finding")
    return replace(gate, message=f"{gate.message}; ruff refused the repository's rules") if report.refused else gate


def complexity(report: Report, tree: Path, changed: Changed, limit: int, old: Complexities | None = None) -> Gate:
    """McCabe complexity of every function that contains a changed line (ruff C901 with a limit of 0).

    A function that was too complex before fails only if the change made it more complex.
    """
    worst, findings = 0, []
    for r in report.ruff:
        lines = changed.get(r.path, set())
        if r.code != tools.COMPLEX or not lines & set(range(r.line, _end_of(tree / r.path, r.line) + 1)):
            continue
        name, value = _complexity_of(r.message)
        worst = max(worst, value)
        if value > max(limit, (old or {}).get((r.path, name), 0)):
            message = f"{name} has complexity {value}, the limit is {limit}"
            findings.append(GateFinding("complexity", r.path, r.line, message))
    message = "; ".join(f.message for f in findings) or f"most complex changed function: {worst}"
    return Gate("complexity", not findings, message, float(worst), float(limit), tuple(findings))


def _complexity_of(message: str) -> tuple[str, int]:
    match = COMPLEX.search(message)
    return (match[1], int(match[2])) if match else ("", 0)


def _end_of(path: Path, first: int) -> int:
    for node in ast.walk(tree_of(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == first:
            return node.end_lineno or first
    return first

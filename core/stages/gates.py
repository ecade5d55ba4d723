"""The review's gates: security, secrets, dependencies, style, complexity, coverage, performance, documentation.

Only what the change itself brought counts: a finding on a line that it did not touch is not its fault.
Static tools read the code and never run it; measured.py runs it, in the sandbox runner.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from core.repair.shapes import Runner
from core.settings import FixRules, Repository
from core.stages import measured, wording_gates
from core.stages.gate import Changed, Finding, Gate, changed_lines, counted
from core.stages.manifests import is_manifest
from core.vendors import command

COMPLEX = re.compile(r"`(.+?)` is too complex \((\d+) > ")
OF_TEXTS = ("B104", "B108")  # bandit's rules on what a text says
STYLE = "E4,E7,E9,F,B,S110,S112,BLE001"  # pyflakes, bugbear, and the swallowed or blind except


def is_source(path: str, repository: Repository) -> bool:
    return not path.startswith(f"{repository.tests.rstrip('/')}/")


def review(
    tree: Path, diff: str, repository: Repository, rules: FixRules, runner: Runner, before: Mapping[str, str]
) -> list[Gate]:
    """All gates over the checked-out change. ``diff`` is made with -U0; ``before`` holds the old texts."""
    changed = changed_lines(diff)
    source = {path: lines for path, lines in changed.items() if is_source(path, repository)}
    return [
        security(tree, changed, source),
        wording_gates.secrets(tree, changed),
        wording_gates.dependencies(tree, source, touched(diff), repository.source),
        style(tree, changed),
        complexity(tree, source, rules.complexity),
        measured.coverage(tree, source, repository, rules.coverage, runner),
        measured.performance(tree, source, before, repository, rules, runner),
        wording_gates.documentation(tree, source, before),
    ]


def touched(diff: str) -> list[str]:
    """Every file that a diff adds, changes or takes away, once."""
    return sorted({line[6:] for line in diff.splitlines() if line.startswith(("+++ b/", "--- a/"))})


def texts_before(git: Callable[..., str], base: str, diff: str) -> dict[str, str]:
    """Old texts of the Python files and manifests that a diff changes; ``git`` runs in the repository."""
    paths = {line[6:] for line in diff.splitlines() if line.startswith("--- a/")}
    return {path: git("show", f"{base}:{path}") for path in sorted(paths) if path.endswith(".py") or is_manifest(path)}


def _tool(tree: Path, *argv: str) -> str:
    done = command.run([sys.executable, "-m", *argv], cwd=tree, timeout=120)
    if done.timed_out or not done.stdout.strip():
        raise command.CommandError(f"{argv[0]} gave no answer: {done.stderr.strip()[-300:]}")
    return done.stdout


def security(tree: Path, changed: Changed, source: Changed) -> Gate:
    """bandit: findings of medium or high severity, in the generated test too; comments that silence it are ignored.

    In a test, a text alone is no fault: what looks like an address or a temporary path there is a reported value.
    """
    if not changed:
        return Gate("security", True, "no program code was changed", 0.0, 0.0)
    report = json.loads(
        _tool(tree, "bandit", "--quiet", "--ignore-nosec", "--format", "json", "--exit-zero", *sorted(changed))
    )
    return counted(
        "security",
        (
            Finding(
                "security",
                str(Path(r["filename"])).removeprefix("./"),
                r["line_number"],
                f"{r['test_id']}: {r['issue_text']}",
                r["issue_severity"].lower(),
            )
            for r in report["results"]
            if r["issue_severity"] in ("MEDIUM", "HIGH")
            and (r["test_id"] not in OF_TEXTS or str(Path(r["filename"])).removeprefix("./") in source)
        ),
        changed,
        "security findings",
    )


def _ruff(tree: Path, paths: Sequence[str], *options: str) -> list[dict]:
    return json.loads(
        _tool(
            tree,
            "ruff",
            "check",
            "--isolated",
            "--no-cache",
            "--ignore-noqa",
            "--exit-zero",
            "--output-format",
            "json",
            *options,
            *sorted(paths),
        )
    )


def style(tree: Path, changed: Changed) -> Gate:
    """ruff: errors, likely bugs, and swallowed exceptions; isolated from the repository's own settings."""
    if not changed:
        return Gate("style", True, "no Python was changed", 0.0, 0.0)
    found = _ruff(tree, list(changed), "--select", STYLE)
    return counted(
        "style",
        (
            Finding("style", _relative(tree, r["filename"]), r["location"]["row"], f"{r['code']}: {r['message']}")
            for r in found
        ),
        changed,
        "style findings",
    )


def complexity(tree: Path, changed: Changed, limit: int) -> Gate:
    """McCabe complexity of every function that holds a changed line (ruff C901 with a limit of 0)."""
    worst, findings = 0, []
    if changed:
        for r in _ruff(tree, list(changed), "--select", "C901", "--config", "lint.mccabe.max-complexity=0"):
            path, (name, value) = _relative(tree, r["filename"]), _complexity_of(r["message"])
            first = r["location"]["row"]
            if not changed[path] & set(range(first, _end_of(tree / path, first) + 1)):
                continue
            worst = max(worst, value)
            if value > limit:
                findings.append(
                    Finding("complexity", path, first, f"{name} has complexity {value}, the limit is {limit}")
                )
    says = "; ".join(f.says for f in findings) or f"most complex changed function: {worst}"
    return Gate("complexity", not findings, says, float(worst), float(limit), tuple(findings))


def _complexity_of(message: str) -> tuple[str, int]:
    match = COMPLEX.search(message)
    return (match[1], int(match[2])) if match else ("", 0)


def _end_of(path: Path, first: int) -> int:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == first:
            return node.end_lineno or first
    return first


def _relative(tree: Path, filename: str) -> str:
    return Path(filename).resolve().relative_to(tree.resolve()).as_posix()

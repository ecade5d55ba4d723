"""The review's gates: static checks of what a change touched, and coverage of its changed lines.

Only what the change itself brought counts: a finding on a line that it did not touch is not its fault.
Static tools read the code and never run it; coverage runs it, in the sandbox runner.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.repair.shapes import Runner
from core.settings import FixRules, Repository
from core.vendors import command

HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@")
COMPLEX = re.compile(r"`(.+?)` is too complex \((\d+) > ")
STYLE = "E4,E7,E9,F,B,S110,S112,BLE001"  # pyflakes, bugbear, and the swallowed or blind except
Changed = dict[str, set[int]]


@dataclass(frozen=True)
class Finding:
    gate: str
    path: str
    line: int
    says: str
    severity: str = "error"


@dataclass(frozen=True)
class Gate:
    """``value`` and ``limit`` are in the gate's own unit: findings, complexity, or a share 0..1."""

    gate: str
    passed: bool
    says: str
    value: float | None = None
    limit: float | None = None
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> dict:
        return {key: value for key, value in asdict(self).items() if key != "findings"}


def changed_lines(diff: str) -> Changed:
    """Added or changed line numbers of each Python file in a unified diff made with -U0."""
    changed: Changed = {}
    path = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            path = line[6:] if line.startswith("+++ b/") else ""
        elif (hunk := HUNK.match(line)) and path.endswith(".py"):
            start, count = int(hunk[1]), int(hunk[2] or 1)
            changed.setdefault(path, set()).update(range(start, start + count))
    return changed


def is_source(path: str, repository: Repository) -> bool:
    return not path.startswith(f"{repository.tests.rstrip('/')}/")


def review(tree: Path, diff: str, repository: Repository, rules: FixRules, runner: Runner) -> list[Gate]:
    """All gates over the checked-out change. ``diff`` is made with -U0."""
    changed = changed_lines(diff)
    source = {path: lines for path, lines in changed.items() if is_source(path, repository)}
    return [
        security(tree, source),
        style(tree, changed),
        complexity(tree, source, rules.complexity),
        coverage(tree, source, repository, rules.coverage, runner),
    ]


def _tool(tree: Path, *argv: str) -> str:
    done = command.run([sys.executable, "-m", *argv], cwd=tree, timeout=120)
    if done.timed_out or not done.stdout.strip():
        raise command.CommandError(f"{argv[0]} gave no answer: {done.stderr.strip()[-300:]}")
    return done.stdout


def _counted(gate: str, findings: Iterable[Finding], changed: Changed, what: str) -> Gate:
    own = tuple(f for f in findings if f.line in changed.get(f.path, ()))
    says = f"{len(own)} {what} on changed lines" if own else f"no {what} on changed lines"
    return Gate(gate, not own, says, float(len(own)), 0.0, own)


def security(tree: Path, changed: Changed) -> Gate:
    """bandit: findings of medium or high severity."""
    if not changed:
        return Gate("security", True, "no program code was changed", 0.0, 0.0)
    report = json.loads(_tool(tree, "bandit", "--quiet", "--format", "json", "--exit-zero", *sorted(changed)))
    return _counted(
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
    return _counted(
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


MEASURE = """
import coverage, json, pytest, sys
measured = coverage.Coverage(data_file=None, source=["."], config_file=False)
measured.start()
pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[1]])
measured.stop()
lines = {}
for path in sys.argv[2:]:
    _, statements, _, missing, _ = measured.analysis2(path)
    lines[path] = {"all": statements, "missed": missing}
print("\\nCOVERED " + json.dumps(lines))
"""


def coverage(tree: Path, changed: Changed, repository: Repository, least: float, runner: Runner) -> Gate:
    """Share of the changed statements that the tests run, measured by coverage.py in the runner."""
    if not changed:
        return Gate("coverage", True, "no program code was changed", 1.0, least)
    done = runner.run(["python", "-c", MEASURE, repository.tests, *sorted(changed)], tree)
    report = next((line for line in reversed(done.stdout.splitlines()) if line.startswith("COVERED ")), None)
    if report is None:
        return Gate("coverage", False, f"coverage could not be measured: {done.stderr.strip()[-300:]}", None, least)
    lines = json.loads(report.removeprefix("COVERED "))
    asked = {(path, n) for path in changed for n in changed[path] & set(lines[path]["all"])}
    run = sum(n not in lines[path]["missed"] for path, n in asked)
    share = run / len(asked) if asked else 1.0
    missed = tuple(
        Finding("coverage", path, n, "no test runs this line")
        for path, n in sorted(asked)
        if n in lines[path]["missed"]
    )
    return Gate(
        "coverage",
        share >= least,
        f"{run} of {len(asked)} changed statements are run by tests",
        round(share, 4),
        least,
        missed if share < least else (),
    )

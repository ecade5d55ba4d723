"""Gates that run the change, in the sandbox runner: coverage of its lines, and time before and after."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from core.models.counted import counted
from core.policy.sections import FixRules
from core.policy.services import Repository
from core.repair.localize.sources import tree_of
from core.repair.sandbox import checkout
from core.repair.sandbox.desk import desk, script
from core.repair.types import Runner
from core.stages.review import coverage_inside, timing_inside
from core.stages.review.gate import Changed, Gate, GateFinding
from core.vendors.command import Completed

UNNOTICED = 50e-6  # seconds a call: a change smaller than this is no slowdown, whatever its ratio


def run(
    tree: Path, changed: Changed, before: Mapping[str, str], repository: Repository, rules: FixRules, runner: Runner
) -> list[Gate]:
    """Run both gates, each on a clean checkout: the tests of the first gate may change any file."""
    asked = _all_asked(tree, changed, before)
    covered = coverage(tree, changed, repository, rules.coverage, runner, rules.strict_coverage)
    if asked:
        checkout.start_over(tree)
    return [covered, performance(tree, asked, repository, rules, runner)]


def coverage(
    tree: Path, changed: Changed, repository: Repository, least: float, runner: Runner, strict: bool = False
) -> Gate:
    """Share of the changed statements that the tests run, measured by coverage.py.

    If the files themselves are covered less than the policy requires, the change must be covered at least as well as
    they, unless the policy is ``strict``.
    """
    if not changed:
        return Gate("coverage", True, "no program code changed", 1.0, least)
    report, done = _inside(tree, coverage_inside, {"tests": repository.tests, "files": sorted(changed)}, runner)
    if report is None:
        return Gate("coverage", False, f"coverage could not be measured: {done.stderr.strip()[-300:]}", None, least)
    asked = {(path, n) for path in changed for n in changed[path] & set(report[path]["all"])}
    missed = [(path, n) for path, n in sorted(asked) if n in report[path]["missed"]]
    share = 1 - len(missed) / len(asked) if asked else 1.0
    least = least if strict else min(least, _others(report, changed))
    message = f"{len(asked) - len(missed)} of {counted(len(asked), 'changed statement')} covered by tests"
    found = tuple(GateFinding("coverage", path, n, "no test runs this line") for path, n in missed)
    return Gate("coverage", share >= least, message, round(share, 4), least, found if share < least else ())


def _others(report: dict, changed: Changed) -> float:
    """Share of the files' other statements that the tests run."""
    others = [(path, n) for path in changed for n in set(report[path]["all"]) - changed[path]]
    missed = sum(n in report[path]["missed"] for path, n in others)
    return round(1 - missed / len(others), 4) if others else 1.0


def _inside(tree: Path, module: ModuleType, asked: dict, runner: Runner) -> tuple[dict | None, Completed]:
    """The report of a platform script in the sandbox; None if there is none, or if something else wrote to it."""
    with desk(tree) as made:
        made.put("job", json.dumps(asked))
        done = runner.run(["python", "-P", "-c", script(Path(str(module.__file__))), made.name], tree)
        values, honest = made.report()
    return (values[-1] if values and honest else None), done


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(text: str) -> Iterator[tuple[str, Function]]:
    """(qualified name, node) of a module's functions and methods, without nested functions."""
    yield from _functions(tree_of(text), "")


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _all_asked(tree: Path, changed: Changed, before: Mapping[str, str]) -> dict[str, dict]:
    """By path: the old text, and the changed functions that existed before."""
    asked = {path: _asked(tree / path, lines, before.get(path, "")) for path, lines in changed.items()}
    return {path: given for path, given in asked.items() if given["functions"]}


def performance(tree: Path, asked: dict[str, dict], repository: Repository, rules: FixRules, runner: Runner) -> Gate:
    """The ratio of new to old CPU time of the changed functions, on the inputs that the tests pass to them.

    Fails if a function takes more than ``rules.slowdown`` times as long, beyond the measured noise.
    """
    if not asked:
        return Gate("performance", True, "no existing function changed", None, rules.slowdown)
    timed, _ = _inside(tree, timing_inside, {"tests": repository.tests, "files": asked}, runner)
    if not timed:
        why = "no recorded input could be timed" if timed == {} else "the timing did not finish"
        return Gate("performance", True, f"not measured: {why}", None, rules.slowdown)
    return _judged(timed, rules.slowdown)


def _asked(path: Path, lines: set[int], old: str) -> dict:
    known = {name for name, _ in functions(old)}
    new = functions(path.read_text(encoding="utf-8"))
    touched = [name for name, node in new if lines & set(range(node.lineno, (node.end_lineno or 0) + 1))]
    return {"old": old, "functions": [name for name in touched if name in known]}


def _judged(timed: dict[str, dict], limit: float) -> Gate:
    findings = []
    for name, found in timed.items():
        path, _, function = name.rpartition(":")
        ratio, more = found["new"] / max(found["old"], 1e-9), (found["new"] - found["old"]) / found["calls"]
        if ratio > limit * (1 + found["noise"]) and more > UNNOTICED:
            findings.append(
                GateFinding("performance", path, 1, f"{function} takes {ratio:.1f} times as long as before")
            )
    worst = max(found["new"] / max(found["old"], 1e-9) for found in timed.values())
    calls, noise = sum(f["calls"] for f in timed.values()), max(f["noise"] for f in timed.values())
    message = f"{worst:.2f}× the earlier CPU time on {counted(calls, 'recorded input')} (noise {noise:.0%})"
    return Gate("performance", not findings, message, round(worst, 3), limit, tuple(findings))

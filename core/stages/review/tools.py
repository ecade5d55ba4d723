"""Runs ruff and bandit over the changed files in one launch of the sandbox, and returns their findings.

Both run with ``python -I``, so that no module of the repository can replace theirs. They ignore the repository's
settings and its suppression comments (noqa, nosec). The rules that the repository selects for ruff are added in a run
of their own (ruff_settings.py); they can only add findings.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from core.repair.types import Runner
from core.stages.review import ruff_settings
from core.stages.review.ruff_settings import RuffSettings
from core.vendors import command
from core.vendors.command import CommandError

STYLE = "E4,E7,E9,F,B,S110,S112,BLE001"  # pyflakes, bugbear, and the swallowed or blind except
LISTED = 32 << 20  # characters of ruff's list of rules
COMPLEX = "C901"  # McCabe, of every function
RUFF = ["ruff", "check", "--isolated", "--no-cache", "--ignore-noqa", "--exit-zero", "--output-format", "json"]
RUFF += ["--select", f"{STYLE},{COMPLEX}", "--config", "lint.mccabe.max-complexity=0", "--"]
BANDIT = ["bandit", "--quiet", "--ignore-nosec", "--format", "json", "--exit-zero", "--"]
INSIDE = """
import json, os, subprocess, sys
def started(argv):
    env = dict(os.environ, RAYON_NUM_THREADS="1")
    return subprocess.Popen([sys.executable, "-I", "-m", *argv], stdout=subprocess.PIPE, env=env)
tools = [started(argv) for argv in json.loads(sys.argv[1])]
ruff, bandit, *own = [tool.communicate()[0] for tool in tools]
ruff, bandit = json.loads(ruff), json.loads(bandit)
project = json.loads(own[0]) if own and tools[2].returncode == 0 else []
def row(path, line, code, message):
    return {"path": os.path.relpath(path), "line": line, "code": code or "", "message": message}
report = {
    "ruff": [row(r["filename"], r["location"]["row"], r["code"], r["message"]) for r in ruff],
    "project": [row(r["filename"], r["location"]["row"], r["code"], r["message"]) for r in project],
    "refused": bool(own) and tools[2].returncode != 0,
    "bandit": [
        row(r["filename"], r["line_number"], r["test_id"], r["issue_text"])
        | {"severity": r["issue_severity"].lower(), "cwe": r.get("issue_cwe", {}).get("id", 0)}
        for r in bandit["results"] if r["issue_severity"] in ("MEDIUM", "HIGH")
    ],
}
print("REPORT " + json.dumps(report))
"""
Text = Annotated[str, Field(max_length=4000)]


class ToolFinding(BaseModel):
    """A finding as a tool reported it."""

    path: Text
    line: int
    code: Text
    message: Text
    severity: Text = ""
    cwe: int = 0  # number of the weakness in MITRE's list; 0: the tool names none


class Report(BaseModel):
    """``project`` are findings of the rules that the repository selects; ``refused``: ruff did not take them."""

    ruff: list[ToolFinding] = []
    bandit: list[ToolFinding] = []
    project: list[ToolFinding] = []
    refused: bool = False


@cache
def codes() -> frozenset[str]:
    """The rules that ruff has."""
    listing = [sys.executable, "-I", "-m", "ruff", "rule", "--all", "--output-format", "json"]
    rows = json.loads(command.check(listing, limit=LISTED))
    gone = {row["code"] for row in rows if "Removed" in (row.get("status") or {})}
    return frozenset(row["code"] for row in rows if row["code"]) - gone


def project_run(settings: RuffSettings | None, files: Sequence[str]) -> list[list[str]]:
    """The run of ruff with the repository's own rules; none without such rules."""
    own = settings.known_to(codes()) if settings else None
    if own is None or not own.select or not files:
        return []
    return [[*RUFF[: RUFF.index("--select")], *own.arguments(), "--", *files]]


def looked(
    tree: Path, paths: Sequence[str], runner: Runner, version: tuple[int, int] | None = None, own: Sequence[str] = ()
) -> Report:
    """The findings in these Python files, for a version of Python. Raises CommandError if the tools failed.

    ``own`` are the files to which the repository's rules apply, too.
    """
    if not paths:
        return Report()
    files = [f"./{path}" for path in sorted(paths)]
    syntax = ["--target-version", "py{}{}".format(*version)] if version else []
    settings = ruff_settings.of(tree, runner) if own else None
    runs = [[*RUFF[:-1], *syntax, "--", *files], BANDIT + files]
    runs += project_run(settings, [f"./{path}" for path in sorted(own)])
    argv = ["python", "-I", "-c", INSIDE, json.dumps(runs)]
    done = runner.run(argv, tree, timeout=120)
    last = (done.stdout.splitlines() or [""])[-1]
    try:
        report = Report.model_validate_json(last.removeprefix("REPORT "))
    except ValidationError:
        raise CommandError(f"ruff and bandit failed: {done.stopped or done.stderr.strip()[-300:]}") from None
    counted = [row for row in report.project if settings and settings.counts(row.code) and row.code != COMPLEX]
    return report.model_copy(update={"project": counted})

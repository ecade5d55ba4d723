"""Runs ruff and bandit over the changed files in one launch of the sandbox, and returns their findings.

Both run with ``python -I``, so that no module of the repository can replace theirs. They ignore the repository's
settings and its suppression comments (noqa, nosec).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, ValidationError

from core.repair.types import Runner
from core.vendors.command import CommandError

STYLE = "E4,E7,E9,F,B,S110,S112,BLE001"  # pyflakes, bugbear, and the swallowed or blind except
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
ruff, bandit = (json.loads(tool.communicate()[0]) for tool in tools)
def row(path, line, code, message):
    return {"path": os.path.relpath(path), "line": line, "code": code or "", "message": message}
report = {
    "ruff": [row(r["filename"], r["location"]["row"], r["code"], r["message"]) for r in ruff],
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
    ruff: list[ToolFinding] = []
    bandit: list[ToolFinding] = []


def looked(tree: Path, paths: Sequence[str], runner: Runner, version: tuple[int, int] | None = None) -> Report:
    """The findings in these Python files, for a version of Python. Raises CommandError if the tools failed."""
    if not paths:
        return Report()
    files = [f"./{path}" for path in sorted(paths)]
    syntax = ["--target-version", "py{}{}".format(*version)] if version else []
    argv = ["python", "-I", "-c", INSIDE, json.dumps([[*RUFF[:-1], *syntax, "--", *files], BANDIT + files])]
    done = runner.run(argv, tree, timeout=120)
    last = (done.stdout.splitlines() or [""])[-1]
    try:
        return Report.model_validate_json(last.removeprefix("REPORT "))
    except ValidationError:
        raise CommandError(f"ruff and bandit failed: {done.stopped or done.stderr.strip()[-300:]}") from None

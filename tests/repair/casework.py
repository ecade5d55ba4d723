"""Small broken programs as one text each, made into a repository with the report of its real crash.

=== name fix|escalate sentry|datadog|cloudwatch
--- path            text of a file of the program (no path: the name of a section)
--- trigger         leads to the crash; run once to record the report
--- check           hidden: raises when the program, after a fix, does not do what it should
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.models import Crash
from core.vendors.command import git

PYPROJECT = '[tool.pytest.ini_options]\npythonpath = ["."]\n'
RECORD = r"""
import json, linecache, os, sys, traceback
root, (trigger, source) = os.getcwd(), sys.argv[1:3]
sys.path.insert(0, root)
try:
    exec(compile(open(trigger).read(), "<trigger>", "exec"), {"__name__": "trigger"})
except BaseException as error:
    def frames(error):
        found = []
        for frame, line in traceback.walk_tb(error.__traceback__):
            name = frame.f_code.co_filename
            if name == "<trigger>" or name == "<string>":
                continue
            own = name.startswith(root + os.sep)
            one = {"file": name[len(root) + 1:] if own else "python3.11/" + name.rsplit("python3.11/", 1)[-1],
                   "line": line, "function": frame.f_code.co_name,
                   "code": linecache.getline(name, line).strip(), "in_app": own}
            if own and source == "sentry":
                one["locals"] = {k: repr(v)[:600] for k, v in frame.f_locals.items() if not k.startswith("__")}
            found.append(one)
        return found
    def raised(error):
        return {"type": type(error).__name__, "module": type(error).__module__, "message": str(error)}
    chain, linked = [], error
    while linked.__cause__ or (linked.__context__ and not linked.__suppress_context__):
        relation = "cause" if linked.__cause__ else "context"
        linked = linked.__cause__ or linked.__context__
        chain.append({**raised(linked), "relation": relation, "frames": frames(linked)})
    print(json.dumps({"source": source, "exception": raised(error), "chain": chain, "frames": frames(error),
                      "traceback": traceback.format_exc()}))
else:
    raise SystemExit("the trigger leads to no crash")
"""


@dataclass(frozen=True)
class Case:
    name: str
    expected: str
    source: str
    files: dict[str, str]
    trigger: str
    check: str


def read(text: str) -> list[Case]:
    return [_case(part) for part in re.split(r"^=== ", text, flags=re.M)[1:]]


def _case(text: str) -> Case:
    head, *sections = re.split(r"^--- ", text, flags=re.M)
    name, expected, source = head.split()
    parts = {s.split("\n", 1)[0].strip(): s.split("\n", 1)[1].rstrip() + "\n" for s in sections}
    trigger, check = parts.pop("trigger"), parts.pop("check", "")
    return Case(name, expected, source, {k: v.lstrip("\n") for k, v in parts.items()}, trigger, check)


def make(case: Case, repo: Path) -> Crash:
    """Write the repository with one commit; the report of the crash that the trigger leads to."""
    for path, text in ({"pyproject.toml": PYPROJECT} | case.files).items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text, encoding="utf-8")
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "Initial version")
    trigger = repo.parent / f"{repo.name}-trigger.py"
    trigger.write_text(case.trigger, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-B", "-c", RECORD, trigger, case.source], cwd=repo, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, f"{case.name}: {done.stderr}"
    return Crash.model_validate_json(done.stdout.splitlines()[-1])


def checked(case: Case, repo: Path) -> str:
    """What the hidden check finds wrong with the program as it is now; empty when nothing."""
    code = "import sys; sys.path.insert(0, '.')\n" + case.check
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=repo, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stderr[-600:]

"""One text file a case: a small broken program, what leads to its crash, and the hidden check of a fix.

A case is a head of ``key: value`` lines and sections that open with ``=== name``: a path of the program
(``shop/cart.py``), ``trigger`` (leads to the crash), ``check`` (the hidden checks), ``logs`` (lines around the
crash) and ``reference PATH`` (one right change: the old text, a line ``====``, the new text).
The crash is not written by hand: the trigger runs on the program as deployed, and what it raises is reported as the
case's ``source`` would report it (only ``sentry`` tells locals). ``dev`` holds cases that may be looked at while the
repairer is developed, ``cases`` those that may not. Of ``dev``, one half is developed on (``half``); the other is held
out and run for figures alone. The name decides, so that the split stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

CASES = Path(__file__).parent / "cases"
DEV = Path(__file__).parent / "dev"
PYPROJECT = '[tool.pytest.ini_options]\npythonpath = ["."]\ntestpaths = ["tests"]\n'
CAPTURE = Path(__file__).with_name("capture.py")
DEVELOP, HELD = "develop", "held out"
HEAD = ("id", "expected", "family", "difficulty", "fix_scope", "source", "notes")


@dataclass(frozen=True)
class Case:
    """A case as written: its head, the program's files, trigger, checks and reference edits (path, old, new)."""

    head: dict[str, str]
    files: dict[str, str]
    trigger: str
    check: str = ""
    logs: list[str] = field(default_factory=list)
    edits: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.head["id"]

    @property
    def expected(self) -> str:
        return self.head["expected"]


def parse(text: str) -> Case:
    """The case of a file's text. ValueError names what is missing."""
    head, *sections = re.split(r"^=== (.+)\n", text, flags=re.M)
    case = Case(dict(line.split(": ", 1) for line in head.strip().splitlines()), {}, "")
    named = list(zip(sections[::2], sections[1::2], strict=True))
    special = {name: body for name, body in named if name in ("trigger", "check", "logs")}
    edits = [_edit(name, body) for name, body in named if name.startswith("reference ")]
    program = {name: body for name, body in named if name not in special and not name.startswith("reference ")}
    files = {name: f"{body.rstrip()}\n".lstrip("\n") for name, body in program.items()}
    if "trigger" not in special or (edits and case.expected != "fix"):
        raise ValueError(f"{case.id}: a trigger is needed, and a reference only where a fix is expected")
    logs = special.get("logs", "").strip().splitlines()
    return Case(case.head, files, special["trigger"], special.get("check", ""), logs, edits)


def _edit(name: str, body: str) -> tuple[str, str, str]:
    old, new = body.split("====\n")
    return name.removeprefix("reference "), old.removesuffix("\n"), new.removesuffix("\n")


def load(folder: Path = CASES) -> list[Case]:
    return [parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.case"))]


def half(name: str) -> str:
    """Which half of the development cases a name belongs to: the parity of the first byte of its SHA-256."""
    return HELD if hashlib.sha256(name.encode()).digest()[0] % 2 else DEVELOP


def unfold(case: Case, root: Path) -> Path:
    """Write the case's folder under root and return it."""
    folder = root / case.id
    files = {"pyproject.toml": PYPROJECT, **case.files}
    written = {f"repo/{name}": body for name, body in files.items()} | {"hidden/trigger.py": case.trigger}
    if case.check:
        written["hidden/check_case.py"] = case.check
    if case.edits:
        written["reference.patch"] = _patch(case, root)
    _write(folder, written)
    crash = capture(case, folder / "repo", folder / "hidden/trigger.py")
    head = {k: v for k, v in case.head.items() if k in HEAD}
    _write(
        folder,
        {
            "crash.json": json.dumps(crash, indent=1),
            "case.json": json.dumps(head | {"exception": crash["exception"]["type"]}, indent=1),
        },
    )
    return folder


def capture(case: Case, repo: Path, trigger: Path) -> dict:
    """What the monitoring tool would report of the crash that the trigger leads to."""
    command = [sys.executable, "-B", str(CAPTURE), str(repo), str(trigger)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    lines = [line[2:] for line in done.stdout.splitlines() if line.startswith("@@")]
    if not lines:
        raise ValueError(f"{case.id}: the trigger gives no crash: {done.stderr[-500:]}")
    crash = json.loads(lines[-1])
    source = case.head["source"]
    if source != "sentry":
        for frame in [*crash["frames"], *(f for link in crash.get("chain", []) for f in link["frames"])]:
            frame.pop("locals", None)
    told = {"schema": 1, "source": source, "service": case.head.get("service", "app"), "environment": "production"}
    told |= {"release": "3.1.4", "level": "error", "count": int(case.head.get("count", "7"))}
    told |= {"first_seen": "2026-03-02T08:00:00Z", "last_seen": "2026-03-02T09:30:00Z"}
    return told | crash | ({"logs": case.logs} if source != "sentry" else {})


def _patch(case: Case, root: Path) -> str:
    """A git patch of the reference edits."""
    before, after = root / f"{case.id}.a", root / f"{case.id}.b"
    fixed = dict(case.files)
    for path, old, new in case.edits:
        if fixed[path].count(old) != 1:
            raise ValueError(f"{case.id}: the reference's old text stands {fixed[path].count(old)} times in {path}")
        fixed[path] = fixed[path].replace(old, new)
    touched = {path for path, _, _ in case.edits}
    _write(before, {p: case.files[p] for p in touched})
    _write(after, {p: fixed[p] for p in touched})
    command = ["git", "diff", "--no-index", "--no-prefix", before.name, after.name]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    text = done.stdout
    for path in touched:
        text = text.replace(f"{before.name}/{path}", f"a/{path}").replace(f"{after.name}/{path}", f"b/{path}")
    return text


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body, encoding="utf-8")

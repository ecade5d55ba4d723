"""Small broken programs (tests/bench/repair/casefile.py) made into repositories with the report of their real crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.models import Crash
from core.vendors.command import git
from tests.bench.repair.casefile import PYPROJECT, Case, capture


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
    return Crash.model_validate(capture(case, repo, trigger))


def checked(case: Case, repo: Path) -> str:
    """What the hidden check finds wrong with the program as it is now; empty when nothing."""
    code = "import sys; sys.path.insert(0, '.')\n" + case.check
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=repo, capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else done.stderr[-600:]

"""The real programs that tests drive. CI installs them all, so there a missing one is a failure; elsewhere a skip."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from core.repair.sandbox.runner import bubblewrap_works

NODE = Path(__file__).parent / "node" / "node_modules"
PLACES = {
    "cline": NODE / "@cline" / "cli-linux-x64" / "bin" / "cline",
    "vercel": NODE / ".bin" / "vercel",
    "lighthouse": NODE / ".bin" / "lighthouse",
}


def need(program: str) -> str:
    """The program's path; if it is missing, skips the test, but fails it in CI."""
    place = PLACES.get(program)
    found = str(place) if place and place.exists() else shutil.which(program)
    if not found:
        lacking(f"{program} is not installed", ".ci/run has to install it", "see CONTRIBUTING.md")
    return found


def need_sandbox() -> None:
    """Like ``need("bwrap")``; some machines have it and do not let it make namespaces."""
    need("bwrap")
    if not bubblewrap_works():
        lacking("bubblewrap does not work here", "CI has to allow user namespaces", "see docs/security.md")


def lacking(says: str, in_ci: str, elsewhere: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"{says}: {in_ci}")
    pytest.skip(f"{says} ({elsewhere})")

"""The real programs that tests drive. CI installs them all, so there a missing one is a failure; elsewhere a skip."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

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
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{program} is missing: .ci/run has to install it")
    pytest.skip(f"{program} is not installed (see CONTRIBUTING.md)")

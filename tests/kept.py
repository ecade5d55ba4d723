"""A folder for what is made once in a process and copied by its tests; it is removed with the test session."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path


@cache
def _root() -> Path:
    found = Path(tempfile.mkdtemp(prefix="kept-"))
    found.chmod(0o711)  # PostgreSQL runs as another user
    return found


def folder(name: str) -> Path:
    """An empty folder of this name."""
    made = _root() / name
    made.mkdir()
    return made


def remove() -> None:
    if _root.cache_info().currsize:
        shutil.rmtree(_root(), ignore_errors=True)

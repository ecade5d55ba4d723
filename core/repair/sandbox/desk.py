"""The desk: a folder in the tree through which a sandboxed script gets its job and key, and returns its report."""

from __future__ import annotations

import logging
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.repair.sandbox import sealed
from core.repair.sandbox.runner import read_back

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Desk:
    folder: Path
    key: bytes

    @property
    def name(self) -> str:
        """The folder's path for the script, which runs in the tree."""
        return self.folder.name

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def report(self) -> tuple[list[Any], bool]:
        """(the sealed values in order, True if the report has nothing else)."""
        values, forged = sealed.opened(read_back(self.folder / "report"), self.key)
        if forged:
            log.warning("%s lines of a report from the sandbox were not written by its reporter", forged)
        return values, not forged


@contextmanager
def desk(tree: Path) -> Iterator[Desk]:
    """A new desk in the tree, removed afterwards whatever the code did to it."""
    folder = Path(tempfile.mkdtemp(dir=tree, prefix=".desk-"))
    try:
        made = Desk(folder, secrets.token_bytes(32))
        (folder / "key").write_bytes(made.key)
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def script(*paths: Path) -> str:
    """The concatenated scripts after sealed.py; they use each other's names without imports."""
    return "\n\n".join(path.read_text(encoding="utf-8") for path in (Path(sealed.__file__), *paths))

"""Whether a crash passes through the lines that a patch changed. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.models import Crash, Frame
from core.models.patterns import NUMBER
from core.signals.grouping.stack import normal_file

FILE = re.compile(r"^\+\+\+ b/(?P<file>.+)$")
HUNK = re.compile(rf"^@@ -{NUMBER}(?:,{NUMBER})? \+(?P<first>{NUMBER})(?:,(?P<count>{NUMBER}))? @@")


@dataclass(frozen=True)
class Hunk:
    """Lines ``first`` to ``last`` of a file after the patch, with its unchanged lines around the change."""

    file: str
    first: int
    last: int


def hunks(patch: str) -> Iterator[Hunk]:
    """The changed places of a unified diff, without deleted files."""
    file = ""
    for line in patch.splitlines():
        if named := FILE.match(line):
            file = normal_file(named["file"])
        elif line.startswith("+++ "):
            file = ""
        elif file and (found := HUNK.match(line)):
            first = int(found["first"])
            yield Hunk(file, first, first + max(int(found["count"] or 1), 1) - 1)


def passes(crash: Crash, patch: str, test: str = "") -> Frame | None:
    """The innermost own frame of the crash in a changed place; ``test`` is the file of the patch's own test."""
    places = [hunk for hunk in hunks(patch) if hunk.file != normal_file(test)]
    own = (frame for frame in reversed(crash.frames) if frame.in_app)
    return next((frame for frame in own if any(_in(frame, hunk) for hunk in places)), None)


def _in(frame: Frame, hunk: Hunk) -> bool:
    file = normal_file(frame.file)
    long, short = (file, hunk.file) if len(file) >= len(hunk.file) else (hunk.file, file)
    return (long == short or long.endswith("/" + short)) and hunk.first <= frame.line <= hunk.last

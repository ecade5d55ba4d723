"""The embedded fixer of slow code: edits of certain patterns in the slow functions, and in what they call."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from core.models import Crash
from core.repair.judge.precision import EMBEDDED
from core.repair.localize.sources import UNREADABLE, called, files, parsed
from core.repair.localize.syntax import functions_in, nodes
from core.repair.speed.patterns import quickened
from core.repair.types import Candidate

FILES = 40  # files of the program in which called functions are looked for


class PatternFixer:
    name = EMBEDDED

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        """One candidate for each function of the report, then one for each function that these call."""
        direct = [(frame.file, frame.function) for frame in crash.frames if frame.in_app]
        for path, name in dict.fromkeys([*direct, *_called(tree, direct)]):
            try:
                old = (tree / path).read_text(encoding="utf-8")
                new, reasons = quickened(old, name)
            except (OSError, *UNREADABLE):
                continue
            if new != old:
                yield Candidate("pattern", {path: new}, " ".join(reasons), generator=EMBEDDED)


def _called(tree: Path, places: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    wanted = {
        called(call)
        for path, name in places
        for function in functions_in(parsed(tree, path))
        if function.name == name
        for call in nodes(function, ast.Call)
    }
    for path in list(files(tree))[:FILES]:
        yield from ((path, node.name) for node in functions_in(parsed(tree, path)) if node.name in wanted)

"""What is known of a slowdown: which functions its suspect commit changed. Pure; every text is a stranger's."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.models import Crash, Frame, Raised
from core.repair.localize.sources import UNREADABLE, is_test, parsed, tree_of
from core.repair.localize.syntax import Function, functions_in

MOST = 20  # functions that are looked at
KIND = "Slowdown"  # in place of an exception's type, where a report of a crash would have one


@dataclass(frozen=True)
class Slowdown:
    """``message`` says how much slower the service is, ``subject`` and ``diff`` are the suspect commit's.

    ``places`` are the functions that it changed, as they are in the code that production serves.
    """

    message: str
    commit: str = ""
    subject: str = ""
    diff: str = ""
    places: tuple[Frame, ...] = ()

    @property
    def report(self) -> Crash:
        """The slowdown in the shape of a report, in which fixers and the search for inputs read their places."""
        return Crash(exception=Raised(type=KIND, message=self.message), frames=self.places)


def places(tree: Path, before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Frame, ...]:
    """The functions of ``tree`` that a commit changed. ``before`` and ``after`` are its texts by path.

    If it changed a module outside of its functions, every function of that module counts.
    """
    found = [frame for path in after if path.endswith(".py") and not is_test(path)
             for frame in _of_file(tree, path, before.get(path, ""), after[path])]  # fmt: skip
    return tuple(found[:MOST])


def _of_file(tree: Path, path: str, before: str, after: str) -> Sequence[Frame]:
    here = functions_in(parsed(tree, path))
    try:
        was, now = tree_of(before), tree_of(after)
    except UNREADABLE:
        return [_frame(path, node) for node in here]
    if ast.dump(was) == ast.dump(now):
        return []
    old = {ast.dump(node) for node in functions_in(was)}
    changed = {node.name for node in functions_in(now) if ast.dump(node) not in old}
    kept = {node.name for node in functions_in(now)}
    changed |= {node.name for node in functions_in(was)} - kept
    return [_frame(path, node) for node in here if node.name in changed or not changed]


def _frame(path: str, node: Function) -> Frame:
    return Frame(file=path, line=node.body[0].lineno, function=node.name)

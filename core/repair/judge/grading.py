"""Finds evidence for a change that has none, such as a model's, from the same sources as for any other. Pure.

The new result of the reported input is searched in the documentation, the annotations and the callers. The code that
the change adds is searched in the program: code that repeats other code of the repository is the most likely to be
right (Martinez et al. 2014, "Do the fix ingredients already exist?").
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from core.models import Crash
from core.repair.judge.forbidden_code import handlers
from core.repair.judge.precision import EMBEDDED
from core.repair.localize.locate import Place, places
from core.repair.localize.sources import UNREADABLE, tree_of
from core.repair.localize.syntax import nodes
from core.repair.propose.base import Clue, modules
from core.repair.propose.documentation import raised
from core.repair.propose.evidence import guards_like, missing_values
from core.repair.propose.outwards import suspects
from core.repair.sandbox.probe import ProbeOutcome
from core.repair.types import Candidate, Evidence

_SMALL = 12  # minimum characters of a repeated expression that counts as evidence


def by_code(tree: Path, crash: Crash, candidate: Candidate, base: Mapping[str, str]) -> Candidate:
    """The candidate with evidence for the code that it adds; ``tree`` has the old code, ``base`` its texts by path."""
    return _with_best(candidate, _of_code(tree, crash, candidate, base))


def by_outcome(tree: Path, crash: Crash, candidate: Candidate, of: str, now: ProbeOutcome) -> Candidate:
    """The candidate with evidence for the new result of a call of the function ``of``."""
    return _with_best(candidate, _of_outcome(tree, crash, of, now))


def _with_best(candidate: Candidate, found: Iterator[Clue]) -> Candidate:
    """An embedded candidate keeps the evidence of its operator; any other gets the best evidence found."""
    best = Clue() if candidate.generator == EMBEDDED else max(found, key=lambda clue: clue.grade, default=Clue())
    if best.grade <= candidate.grade:
        return candidate
    return replace(candidate, grade=best.grade, evidence=(best.words,), far=best.far)


def _of_outcome(tree: Path, crash: Crash, of: str, now: ProbeOutcome) -> Iterator[Clue]:
    """Documentation, annotations and callers that support the new result or exception of a frame's function."""
    for place in places(tree, crash):
        if now.error:
            stated = (sentence for name, sentence in raised(place) if name == now.error and now.deliberate)
            yield from (Clue("", f"the documentation says: {words[:200]}", Evidence.DOCUMENTED) for words in stated)
        elif now.literal and place.function and of == place.function.name:
            about = frozenset().union(*(suspect.about for _, suspect in suspects(place)))
            yield from (clue for clue in missing_values(place, (), about) if clue.value == now.literal)


def _of_code(tree: Path, crash: Crash, candidate: Candidate, base: Mapping[str, str]) -> Iterator[Clue]:
    place = next(iter(places(tree, crash)), None)
    for path, text in candidate.files.items():
        try:
            was, now = tree_of(base.get(path, "")), tree_of(text)
        except UNREADABLE:
            continue
        yield from _handled(path, was, now)
        if place is not None:
            yield from _guarded(place, was, now)
            yield from _repeated(place, path, was, now)


def _handled(path: str, was: ast.Module, now: ast.Module) -> Iterator[Clue]:
    """Evidence for a handler that now catches one more exception: another handler catches the same ones together."""
    old = [(kinds, where) for kinds, where, _ in handlers(was)]
    for kinds, where, node in handlers(now):
        if any(kinds > before and where == at for before, at in old):
            alike = any(kinds <= others for others, _ in old)
            grade = Evidence.SIBLING if alike else Evidence.STYLE
            yield Clue("", f"{path}:{node.lineno} already treats such errors so", grade)


def _guarded(place: Place, was: ast.Module, now: ast.Module) -> Iterator[Clue]:
    """Evidence for a new guard: sibling functions have the same condition with the same exit."""
    for node in _new(was, now, ast.If):
        if len(node.body) == 1:
            alike = guards_like(place, ast.unparse(node.test))
            yield from (clue for body, clue in alike if ast.unparse(body) == ast.unparse(node.body[0]))


def _repeated(place: Place, path: str, was: ast.Module, now: ast.Module) -> Iterator[Clue]:
    """Evidence for a new call or condition: other code of the program has exactly the same."""
    added = {ast.unparse(node) for node in _new(was, now, ast.Call, ast.Compare, ast.IfExp, ast.BoolOp)}
    wanted = {text for text in added if len(text) >= _SMALL}
    for far, (where, module) in enumerate(modules(place)):
        for node in nodes(module, ast.Call, ast.Compare, ast.IfExp, ast.BoolOp) if wanted else ():
            if ast.unparse(node) in wanted:
                yield Clue("", f"{where}:{node.lineno} has {ast.unparse(node)[:80]} too", Evidence.STYLE, min(far, 1))
                return


def _new(was: ast.Module, now: ast.Module, *kinds: type) -> list:
    """Nodes that occur more often in the new tree than in the old one."""
    left = Counter(ast.unparse(node) for node in nodes(was, *kinds))
    found = []
    for node in nodes(now, *kinds):
        left[ast.unparse(node)] -= 1
        if left[ast.unparse(node)] < 0:
            found.append(node)
    return found

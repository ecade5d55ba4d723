"""Replaces an undefined name by another: a similar spelling, an attribute of self, or the name that a branch sets.

Names come from the same function, class and file (plastic surgery hypothesis: Barr et al. 2014).
"""

from __future__ import annotations

import ast
import builtins
import difflib
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import members_of
from core.repair.localize.syntax import class_around, covers, nodes, stores
from core.repair.propose.base import Changes, Clue, change, visible
from core.repair.propose.imports import missing
from core.repair.propose.registry import operator
from core.repair.types import Evidence

UNDEFINED = re.compile(r"name '(\w+)' is not defined")
UNSET = re.compile(r"(?:local|free) variable '(\w+)'")
NEAR, SURE = 0.6, 0.75  # similarity of names that are proposed, and of those that count as a misspelling


def near(wrong: str, known: set[str], least: float = NEAR) -> list[str]:
    """At most three similar names: same prefix, similar spelling, or a shared word; most similar first."""
    words = {w for w in wrong.lower().split("_") if len(w) > 2}
    found = {}
    for name in sorted(known - {wrong}):
        ratio = _likeness(wrong, name)
        begins = min(len(wrong), len(name)) > 2 and (name.startswith(wrong) or wrong.startswith(name))
        if ratio >= least or begins or words & set(name.lower().split("_")):
            found[name] = ratio + begins
    return sorted(found, key=lambda name: -found[name])[:3]


def likely(wrong: str, found: list[str], words: str, grade: Evidence, alone: bool = True) -> list[tuple[str, Clue]]:
    """The names with their evidence; for a name that only shares a word, its grade is at most STYLE.

    ``alone``: the names are those of one object, so that the only similar one is meant.
    """
    only = len(found) == 1
    sure = [is_slip(wrong, name) or (only and (alone or _cut_short(wrong, name))) for name in found]
    grades = [grade if one else min(grade, Evidence.STYLE) for one in sure]
    return [
        (name, Clue("", words.format(name), g, far)) for far, (name, g) in enumerate(zip(found, grades, strict=True))
    ]


def is_slip(wrong: str, name: str) -> bool:
    """Are they similar as a whole and word by word? ``total_tax`` is not a misspelling of ``total_net``."""
    words, others = wrong.split("_"), name.split("_")
    alike = len(words) != len(others) or all(_likeness(w, o) >= NEAR for w, o in zip(words, others, strict=True))
    return alike and _likeness(wrong, name) >= SURE


def _cut_short(one: str, other: str) -> bool:
    """Is one the beginning of the other's word: ``col`` of ``column``, but not ``total`` of ``total_net``?"""
    short, long = sorted((one, other), key=len)
    return len(short) > 2 and long.startswith(short) and long.removeprefix(short).isalpha()


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


@operator("NameError")
def defined(place: Place) -> Changes:
    """Replace an undefined name by a defined one, an attribute of self, or an imported one."""
    match = UNDEFINED.search(place.message)
    if not match:
        return
    wrong = match[1]
    uses = [n for n in nodes(place.scope, ast.Name) if n.id == wrong]
    known = {n for n in dir(builtins) if n.islower() and not n.startswith("_")}
    found = (near(wrong, visible(place)) or near(wrong, known, 0.8)) if uses else []
    words = f"{{}} is defined here and spelled almost like {wrong}"
    for name, clue in likely(wrong, found, words, Evidence.SIBLING, alone=False):
        yield change(place, place.replaced((node, name) for node in uses), f"The name is {name}.", clue)
    if wrong in own_members(place):
        clue = Clue("", f"the class has {wrong}", Evidence.TYPE)
        for node in [n for n in uses if covers(n, place.line)]:
            yield change(place, place.replace(node, f"self.{wrong}"), f"{wrong} is the object's own.", clue)
    yield from missing(place, wrong)


def own_members(place: Place) -> set[str]:
    """Members of the class, if the place is in a method that takes ``self``."""
    owner = class_around(place.module, place.function)
    taken = {a.arg for a in place.function.args.args} if place.function else set()
    return members_of(owner) if owner and "self" in taken else set()


@operator("UnboundLocalError")
def branch(place: Place) -> Changes:
    """Correct ``if ...: price = 1`` and ``else: cost = 2``: a branch sets an unused name instead of the unset one."""
    match, function = UNSET.search(place.message), place.function
    if not match or function is None:
        return
    read = {n.id for n in nodes(function, ast.Name) if isinstance(n.ctx, ast.Load)}
    spare = [n for n in stores(function) if n.id not in read]
    branches = [stores(n) for n in nodes(function, ast.If, ast.Try, ast.Match)]
    for node in spare if len(spare) == 1 else ():
        if any(node in found and match[1] in {n.id for n in found} for found in branches):
            words = f"the branch sets {node.id}, which nothing reads, where the others set {match[1]}"
            text = place.replace(node, match[1])
            yield change(place, text, f"The branch is to set {match[1]}.", Clue("", words, Evidence.SIBLING))

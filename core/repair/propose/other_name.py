"""Another name that is there: spelled almost the same, of the object itself, of a branch that sets the wrong one.

Names are ingredients of the same function, class and file (plastic surgery hypothesis: Barr et al. 2014).
"""

from __future__ import annotations

import ast
import builtins
import difflib
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import members_of
from core.repair.localize.syntax import class_around, covers, nodes, stores
from core.repair.propose.base import Changes, Said, change, visible
from core.repair.propose.imports import missing
from core.repair.propose.registry import operator
from core.repair.types import Evidence

UNDEFINED = re.compile(r"name '(\w+)' is not defined")
UNSET = re.compile(r"(?:local|free) variable '(\w+)'")
NEAR, SURE = 0.6, 0.75  # likeness of names that are proposed, and of those that count as a slip


def near(wrong: str, known: set[str], least: float = NEAR) -> list[str]:
    """At most three names that begin alike, are spelled almost the same, or share a whole word; the nearest first."""
    words = {w for w in wrong.lower().split("_") if len(w) > 2}
    found = {}
    for name in sorted(known - {wrong}):
        ratio = _likeness(wrong, name)
        begins = min(len(wrong), len(name)) > 2 and (name.startswith(wrong) or wrong.startswith(name))
        if ratio >= least or begins or words & set(name.lower().split("_")):
            found[name] = ratio + begins
    return sorted(found, key=lambda name: -found[name])[:3]


def likely(wrong: str, found: list[str], words: str, grade: Evidence) -> list[tuple[str, Said]]:
    """The names with their evidence: one that only shares a word with others has none beyond the style of the file."""
    sure = [len(found) == 1 or _is_slip(wrong, name) for name in found]
    grades = [grade if one else min(grade, Evidence.STYLE) for one in sure]
    return [
        (name, Said("", words.format(name), g, far)) for far, (name, g) in enumerate(zip(found, grades, strict=True))
    ]


def _is_slip(wrong: str, name: str) -> bool:
    """Spelled almost the same as a whole, and word by word: ``total_tax`` is no slip of ``total_net``."""
    words, others = wrong.split("_"), name.split("_")
    alike = len(words) != len(others) or all(_likeness(w, o) >= NEAR for w, o in zip(words, others, strict=True))
    return alike and _likeness(wrong, name) >= SURE


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


@operator("NameError")
def defined(place: Place) -> Changes:
    """A name that is not defined: one that is, the object's own, or one that an import brings."""
    match = UNDEFINED.search(place.message)
    if not match:
        return
    wrong = match[1]
    uses = [n for n in nodes(place.scope, ast.Name) if n.id == wrong]
    known = {n for n in dir(builtins) if n.islower() and not n.startswith("_")}
    found = (near(wrong, visible(place)) or near(wrong, known, 0.8)) if uses else []
    for name, said in likely(wrong, found, f"{{}} is defined here and spelled almost like {wrong}", Evidence.SIBLING):
        yield change(place, place.replaced((node, name) for node in uses), f"The name is {name}.", said)
    if wrong in own_members(place):
        said = Said("", f"the class has {wrong}", Evidence.TYPE)
        for node in [n for n in uses if covers(n, place.line)]:
            yield change(place, place.replace(node, f"self.{wrong}"), f"{wrong} is the object's own.", said)
    yield from missing(place, wrong)


def own_members(place: Place) -> set[str]:
    """Members of the class whose method the place is in, where the method takes its object."""
    owner = class_around(place.module, place.function)
    taken = {a.arg for a in place.function.args.args} if place.function else set()
    return members_of(owner) if owner and "self" in taken else set()


@operator("UnboundLocalError")
def branch(place: Place) -> Changes:
    """``if ...: price = 1`` and ``else: cost = 2``: a branch sets what nobody reads, in the place of the unset."""
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
            yield change(place, text, f"The branch is to set {match[1]}.", Said("", words, Evidence.SIBLING))

"""Repairs unpacking of too many parts, and iteration over a mapping instead of its items."""

from __future__ import annotations

import ast
import re

from core.models.counted import counted
from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import nodes, receiver
from core.repair.propose.base import Changes, Clue, change
from core.repair.propose.documentation import sentences, words_of
from core.repair.propose.registry import operator
from core.repair.propose.suspects import splits
from core.repair.types import Evidence

UNPACK = re.compile(r"too many values to unpack \(expected (\d+)")


@operator("ValueError", "TypeError")
def items(place: Place) -> Changes:
    """Add ``items()`` to ``for key, value in mapping``."""
    if not re.search(r"values to unpack|cannot unpack", place.message):
        return
    clue = Clue("", "two names take an entry of a mapping: its items", Evidence.TYPE)
    for node in nodes(place.scope, ast.For, ast.comprehension):
        two = isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2
        if two and place.kind(node.iter) in ("dict", "defaultdict", "Counter", "OrderedDict"):
            text = place.replace(node.iter, f"{place.source(node.iter)}.items()")
            yield change(place, text, "The mapping's items are meant.", clue)


@operator("ValueError")
def split(place: Place) -> Changes:
    """Limit the split of ``name, value = line.split("=")`` for a text with further separators."""
    match = UNPACK.search(place.message)
    for node in splits(place) if match else ():
        owner, count = receiver(node), int(match[1]) - 1 if match else 0
        if owner is None or len(node.args) != 1:
            continue
        about = words_of(*(n.id for n in place.expressions(ast.Name)))
        last = any(re.search(r"\b(last|final|from the (right|end))\b", s.text, re.I) for s in sentences(place, about))
        words = "the documentation speaks of the last separator" if last else "as many parts as names are taken"
        method = "rsplit" if last else called(node)
        new = f"{place.source(owner)}.{method}({place.source(node.args[0])}, {count})"
        clue = Clue("", words, Evidence.DOCUMENTED if last else Evidence.TYPE)
        yield change(place, place.replace(node, new), f"The text is split at most {counted(count, 'time')}.", clue)

"""Repairs sorting of values without an order: None among them, and pairs whose second parts are not comparable."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.propose.base import Changes, Clue, change, failing, opened
from core.repair.propose.documentation import stated
from core.repair.propose.registry import operator
from core.repair.types import Evidence

_TIES = re.compile(r"'[<>]=?' not supported between instances of '(\w+)' and '(\w+)'")
_SORTING = ("sorted", "sort", "max", "min", "nlargest", "nsmallest")
_WITHOUT = r"\b(without|no|none|missing|null|unknown|un\w+|lack|lacking|not|empty|those)\b"
_ENDS = (
    (True, rf"{_WITHOUT}[^.;,\n]*(\blast\b|at the end|\bbottom\b)"),
    (False, rf"{_WITHOUT}[^.;,\n]*(\bfirst\b|at the (top|front|start))"),
)


@operator("TypeError")
def without_value(place: Place) -> Changes:
    """Sort None to the end or the front, as documented, with a key that first tests for None."""
    match = _TIES.search(place.message)
    for node in _sortings(place) if match and "NoneType" in match.groups() else ():
        for last, words in _ENDS:
            test = "is None" if last != _is_reversed(node) else "is not None"
            for text in _keyed(place, node, test):
                yield change(
                    place, text, f"Those without a value come {'last' if last else 'first'}.", stated(place, words)
                )


def _sortings(place: Place) -> list[ast.Call]:
    return [n for n in failing(place, ast.Call) if called(n) in _SORTING]


def _is_reversed(node: ast.Call) -> bool:
    return any(k.arg == "reverse" and getattr(k.value, "value", None) is True for k in node.keywords)


def _keyed(place: Place, node: ast.Call, test: str) -> Iterator[str]:
    """The file's text with the key preceded by its test for None; nothing if the key cannot be parsed."""
    key = next((k.value for k in node.keywords if k.arg == "key"), None)
    if key is None:
        yield place.replace(node, f"{opened(place, node)}key=lambda value: (value {test}, value))")
    elif isinstance(key, ast.Lambda):
        parts = key.body.elts if isinstance(key.body, ast.Tuple) else [key.body]
        pairs = [f"({part} {test}, {part})" for part in map(place.source, parts)]
        yield place.replace(key.body, pairs[0] if len(pairs) == 1 else f"({', '.join(pairs)})")
    elif isinstance(key, ast.Call) and called(key) in ("itemgetter", "attrgetter") and len(key.args) == 1:
        field = key.args[0]
        read = f"row[{place.source(field)}]" if called(key) == "itemgetter" else f"row.{ast.literal_eval(field)}"
        yield place.replace(key, f"lambda row: ({read} {test}, {read})")


@operator("TypeError")
def first_part(place: Place) -> Changes:
    """Sort pairs only by their first part, because the second parts have no order."""
    match = _TIES.search(place.message)
    for node in _sortings(place) if match and match[1] == match[2] else ():
        last = node.args[-1] if node.args else None
        made = isinstance(last, ast.GeneratorExp | ast.ListComp) and isinstance(last.elt, ast.Tuple)
        pairs = made or isinstance(last, ast.Call) and called(last) in ("zip", "enumerate", "items")
        if pairs and match and "key" not in {k.arg for k in node.keywords}:
            clue = Clue("", f"a {match[1]} has no order; the first part is compared", Evidence.TYPE)
            text = place.replace(node, f"{opened(place, node)}key=lambda pair: pair[0])")
            yield change(place, text, "The first part of each pair decides.", clue)

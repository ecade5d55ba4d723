"""Widens an ``except`` around the line to the raised exception, if other evidence names both exceptions together.

Such a handler covers the failure of an operation but names only one of its exceptions. The library's documentation and
other handlers of the program show which exceptions belong together.
"""

from __future__ import annotations

import ast
import builtins

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import covers, nodes
from core.repair.propose.base import Changes, Clue, change, failing, modules, visible
from core.repair.propose.registry import ANY, operator
from core.repair.types import Evidence

# functions with more than one documented exception for a value that they cannot convert
_FAILS_BY = {
    "int": {"ValueError", "TypeError", "OverflowError"},
    "float": {"ValueError", "TypeError", "OverflowError"},
    "literal_eval": {"ValueError", "TypeError", "SyntaxError", "MemoryError", "RecursionError"},
    "loads": {"ValueError", "TypeError", "JSONDecodeError", "UnicodeDecodeError"},
    "fromisoformat": {"ValueError", "TypeError"},
    "fromtimestamp": {"ValueError", "TypeError", "OverflowError", "OSError"},
    "Decimal": {"InvalidOperation", "TypeError", "ValueError"},
    "b64decode": {"ValueError", "TypeError", "Error"},
    "next": {"StopIteration", "TypeError"},
    "index": {"ValueError", "IndexError", "TypeError"},
    "getattr": {"AttributeError", "TypeError"},
}


@operator(ANY)
def caught(place: Place) -> Changes:
    kind = place.kind_raised
    if not hasattr(builtins, kind) and kind not in visible(place):
        return
    for handler in _handlers(place):
        names = _names(handler)
        if handler.type is None or kind in names or {"Exception", "BaseException"} & set(names):
            continue
        text = place.replace(handler.type, f"({', '.join([*names, kind])})")
        rationale = f"The handler catches {kind} beside {', '.join(names)}."
        yield change(place, text, rationale, _siblings(place, names, kind))


def _handlers(place: Place) -> list[ast.ExceptHandler]:
    """Handlers of the try statements whose body holds the line, the innermost first."""
    around = [n for n in nodes(place.scope, ast.Try) if any(covers(s, place.line) for s in n.body)]
    return [h for n in reversed(around) for h in n.handlers]


def _names(handler: ast.ExceptHandler) -> list[str]:
    found = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [ast.unparse(n) for n in found if n is not None]


def _siblings(place: Place, names: list[str], kind: str) -> Clue | None:
    """Evidence: the documentation names both exceptions for the call, or another handler catches both."""
    for call in failing(place, ast.Call):
        known = _FAILS_BY.get(called(call), set())
        if kind in known and {n.rsplit(".", 1)[-1] for n in names} & known:
            return Clue("", f"{called(call)} fails by {names[0]} and by {kind}, as documented", Evidence.DOCUMENTED)
    for path, module in modules(place):
        for handler in nodes(module, ast.ExceptHandler):
            if {kind, *names} <= set(_names(handler)):
                return Clue("", f"{path}:{handler.lineno} catches both", Evidence.SIBLING)
    return None

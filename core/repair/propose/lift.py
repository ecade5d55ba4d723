"""A suspect as the caller sees it: there its documentation and loops are, and its own way to meet it."""

from __future__ import annotations

import ast
import re

from core.repair.localize.dataflow import caller_of
from core.repair.localize.locate import Place
from core.repair.localize.sources import called, parameters
from core.repair.localize.syntax import Function, names_in, nodes
from core.repair.propose.documentation import words_of
from core.repair.propose.readers import key_of
from core.repair.propose.suspects import PURE_CALLS, Suspect, failing

LIFT = 0.04  # what is mended in a caller is less sure than where it failed, the evidence being equal


def lifted(place: Place, suspect: Suspect) -> tuple[Place, Suspect] | None:
    """The suspect as the caller sees it: its call is what fails, its argument what is missing.

    None when the condition speaks of more than the function's parameters.
    """
    caller = caller_of(place)
    call = _calling(caller, place.function) if caller and place.function and suspect.good else None
    if caller is None or place.function is None or call is None:
        return None
    given = _given(caller, call, place.function)
    names = names_in(ast.parse(suspect.good)) - PURE_CALLS
    if not names or not names <= set(given):
        return None
    missing = given[_main(suspect, given, names)]
    good, bad = (quoted(caller, _substituted(t, given)) for t in (suspect.good, suspect.bad))
    about, doubt = suspect.about | words_of(caller.source(call)), suspect.doubt + LIFT
    return caller, Suspect(call, missing, good, bad, about=about, key=key_of(missing), doubt=doubt)


def _main(suspect: Suspect, given: dict[str, ast.expr], names: set[str]) -> str:
    """The parameter that is missing: the first that the missing expression names."""
    named = [n.id for n in nodes(suspect.missing, ast.Name) if n.id in given]
    return named[0] if named else min(names)


def _calling(caller: Place, function: Function) -> ast.Call | None:
    calls = [n for n in failing(caller, ast.Call) if called(n) == function.name]
    return calls[0] if calls else None


def _given(caller: Place, call: ast.Call, function: Function) -> dict[str, ast.expr]:
    method = isinstance(call.func, ast.Attribute)
    names = [a.arg for a in parameters(function, "x" if method else "")]
    given = dict(zip(names, (a for a in call.args if not isinstance(a, ast.Starred)), strict=False))
    return given | {k.arg: k.value for k in call.keywords if k.arg}


def quoted(place: Place, text: str) -> str:
    """Generated text with the quotes that the file prefers."""
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', text) if place.text.count('"') >= place.text.count("'") else text


def _substituted(text: str, given: dict[str, ast.expr]) -> str:
    class Swap(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return given.get(node.id, node)

    return ast.unparse(Swap().visit(ast.parse(text, mode="eval")))

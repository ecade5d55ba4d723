"""Lifts suspects to the callers, where further documentation, loops and siblings can be found. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from core.repair.localize.dataflow import caller_of
from core.repair.localize.locate import Place
from core.repair.localize.sources import called, parameters
from core.repair.localize.syntax import Function, covers, names_in, nodes, receiver
from core.repair.propose.base import failing
from core.repair.propose.documentation import words_of
from core.repair.propose.suspect import PURE_CALLS, Suspect
from core.repair.propose.suspects import key_of, read

LIFTS = 3  # maximum callers through which a suspect is lifted
Located = tuple[Place, Suspect]


def suspects(place: Place) -> Iterator[Located]:
    """The suspects of the place, each followed by its forms in the callers."""
    for suspect in [] if shrinking_loops(place) else read(place):
        here: Located | None = (place, suspect)
        for _ in range(LIFTS + 1):
            if here is None:
                break
            yield here
            here = _lifted(*here)


def shrinking_loops(place: Place) -> list[ast.For]:
    """Loops over the positions of a list from which their body removes entries: such a position is not missing."""
    around = [n for n in nodes(place.scope, ast.For) if covers(n, place.line)]
    counted = [(n, re.fullmatch(r"range\(len\((.+)\)\)", ast.unparse(n.iter))) for n in around]
    return [n for n, match in counted if match and place.kind_raised == "IndexError" and _shrinks(n, match[1])]


def _shrinks(loop: ast.For, name: str) -> bool:
    deleted = [t for n in nodes(loop, ast.Delete) for t in n.targets]
    taken = [receiver(n) for n in nodes(loop, ast.Call) if called(n) in ("pop", "remove")]
    changed = [*(getattr(t, "value", t) for t in deleted), *taken]
    return any(n is not None and ast.unparse(n) == name for n in changed)


def _lifted(place: Place, suspect: Suspect) -> Located | None:
    """The suspect in the caller: the call is what fails, its argument is what is missing.

    None if the condition involves more than the function's parameters.
    """
    caller = caller_of(place)
    call = _calling(caller, place.function) if caller and place.function and (suspect.good or suspect.error) else None
    if caller is None or place.function is None or call is None:
        return None
    if suspect.error:
        return _rejected(place, caller, call, suspect)
    given = _given(call, place.function)
    names = names_in(ast.parse(suspect.good)) - PURE_CALLS
    if not names or not names <= set(given):
        return None
    named = [n.id for n in nodes(suspect.missing, ast.Name) if n.id in given]
    missing = given[named[0] if named else min(names)]
    good, bad = (_quoted(caller, _substituted(t, given)) for t in (suspect.good, suspect.bad))
    about = suspect.about | words_of(caller.source(call))
    return caller, Suspect(call, missing, good, bad, about=about, key=key_of(missing), far=suspect.far + 1)


def _rejected(place: Place, caller: Place, call: ast.Call, suspect: Suspect) -> Located | None:
    """The call that raises it in the caller; None if the function raises it on purpose elsewhere."""
    if any(suspect.error in names_in(n) for n in nodes(place.scope, ast.Raise)):
        return None
    about, missing = suspect.about | words_of(caller.source(call)), [*call.args, call][0]
    return caller, replace(suspect, node=call, missing=missing, about=about, key=None, far=suspect.far + 1)


def _calling(caller: Place, function: Function) -> ast.Call | None:
    return next((n for n in failing(caller, ast.Call) if called(n) == function.name), None)


def _given(call: ast.Call, function: Function) -> dict[str, ast.expr]:
    method = isinstance(call.func, ast.Attribute)
    names = [a.arg for a in parameters(function, "x" if method else "")]
    given = dict(zip(names, (a for a in call.args if not isinstance(a, ast.Starred)), strict=False))
    return given | {k.arg: k.value for k in call.keywords if k.arg}


def _quoted(place: Place, text: str) -> str:
    """Generated text with the quotes that the file prefers."""
    return re.sub(r"'([^'\"\\]*)'", r'"\1"', text) if place.text.count('"') >= place.text.count("'") else text


def _substituted(text: str, given: dict[str, ast.expr]) -> str:
    class Swap(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return given.get(node.id, node)

    return ast.unparse(Swap().visit(ast.parse(text, mode="eval")))

"""Repairs local variables that are unset on some path, belong to an outer scope, or hide an outer name."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import replace

from core.repair.localize.locate import Place
from core.repair.localize.sources import first_statement
from core.repair.localize.syntax import Function, functions_in, identifier, last_line, names_in, nodes, stores
from core.repair.propose.base import Changes, Clue, change, failing, module_names
from core.repair.propose.documentation import NOTHING, documented, stated, words_of
from core.repair.propose.other_name import UNSET
from core.repair.propose.registry import operator
from core.repair.types import Evidence

_COMPOUND = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match, ast.AsyncFor)
_NEUTRAL = {ast.List: "[]", ast.ListComp: "[]", ast.Dict: "{}", ast.DictComp: "{}"}


def _unset(place: Place) -> str:
    """The name of the unset variable."""
    match = UNSET.search(place.message)
    return match[1] if match else ""


@operator("UnboundLocalError")
def begun(place: Place) -> Changes:
    """Assign the variable before the branch or loop that may not set it."""
    variable, function = _unset(place), place.function
    blocks = _blocks(place, function) if variable and function else []
    for statement in [n for n in blocks if n.lineno <= place.line and _sets(n, variable)][:1]:
        about = words_of(variable, function.name if function else "")
        about |= NOTHING if variable in map(identifier, _results(place)) else set()
        for clue in [*documented(place, about), *_of_kind(place, statement, variable)]:
            text = place.before(statement, f"{variable} = {clue.value}")
            yield change(place, text, f"{variable} is not set on every path: it begins as {clue.value}.", clue)


def _results(place: Place) -> list[ast.expr | None]:
    return [n.value for n in nodes(place.scope, ast.Return)]


def _blocks(place: Place, function: Function) -> list[ast.stmt]:
    """Compound statements before the line, in its block or an enclosing one, outermost first."""
    bodies = [getattr(n, field, []) for n in ast.walk(function) for field in ("body", "orelse", "finalbody")]
    around = [body for body in bodies if isinstance(body, list) and _spans(body, place.line)]
    found = [n for body in around for n in body if isinstance(n, _COMPOUND) and last_line(n) < place.line]
    return sorted(found, key=lambda n: n.lineno)


def _spans(body: list[ast.stmt], line: int) -> bool:
    return bool(body) and body[0].lineno <= line <= last_line(body[-1])


def _sets(node: ast.AST, variable: str) -> bool:
    return variable in {n.id for n in stores(node)}


def _of_kind(place: Place, statement: ast.stmt, variable: str) -> list[Clue]:
    """Neutral values of the type that the branches assign; documented if there may be "no surcharge"."""
    values = [n.value for n in nodes(statement, ast.Assign) if variable in map(identifier, n.targets)]
    own = list(dict.fromkeys(map(_neutral, values)))
    known = stated(place, rf"\b(no|without( an?)?) {re.escape(variable)}s?\b") if len(own) == 1 else None
    first = [replace(known or Clue(), value=text) for text in own]
    return [*first, *(Clue(text) for text in ("None", "0") if text not in own)]


def _neutral(value: ast.expr) -> str:
    plain = {int: "0", float: "0.0", str: '""', bool: "False"}.get(type(getattr(value, "value", None)), "None")
    return _NEUTRAL.get(type(value), plain)


@operator("UnboundLocalError")
def declared(place: Place) -> Changes:
    """Add ``global count`` or ``nonlocal count``: the function changes a variable of an outer scope."""
    variable, function = _unset(place), place.function
    if not variable or function is None:
        return
    around = [n for n in functions_in(place.module) if n is not function and function in ast.walk(n)]
    outer = [n for n in around if _set_by(n, variable)]
    changed = {identifier(n.target) for n in nodes(function, ast.AugAssign)}
    word = "nonlocal" if outer else "global"
    owner = outer[-1].name if outer else "the module"
    plain = [n for n in place.module.body if isinstance(n, ast.Assign | ast.AnnAssign)]
    if variable in changed and outer or any(_sets(n, variable) for n in plain):
        clue = Clue("", f"{owner} sets {variable}, which the function changes", Evidence.TYPE)
        text = place.before(first_statement(function), f"{word} {variable}")
        yield change(place, text, f"{variable} is a variable of {owner}.", clue)


def _set_by(function: Function, variable: str) -> bool:
    """Do the function's own statements, without nested functions, assign it?"""
    inner = [n for n in nodes(function, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda) if n is not function]
    inside = {id(x) for n in inner for x in ast.walk(n)}
    taken = {a.arg for a in function.args.args}
    return variable in {n.id for n in stores(function) if id(n) not in inside} | taken


@operator("UnboundLocalError")
def kept(place: Place) -> Changes:
    """Use the variable in which a handler kept ``error``, because ``error`` is unset after the handler."""
    variable = _unset(place)
    handlers = nodes(place.function, ast.ExceptHandler) if variable and place.function else []
    for held in [n for h in handlers if h.name == variable for n in nodes(h, ast.Assign)]:
        for node in place.expressions(ast.Call, ast.Name):
            if ast.unparse(node) == ast.unparse(held.value) and node is not held.value:
                target = ast.unparse(held.targets[0])
                clue = Clue("", f"{variable} ends with its handler, which keeps it in {target}", Evidence.TYPE)
                yield change(place, place.replace(node, target), f"{target} is what the handler kept.", clue)


@operator("TypeError", "UnboundLocalError", "AttributeError")
def hidden(place: Place) -> Changes:
    """Rename a local name that hides another: ``max = max(rows)``, ``set = []`` before ``set(rows)``."""
    function = place.function
    if function is None:
        return
    for name in _hidden(place, function):
        outer = _meant_outside(place, function, name)
        own = [n for n in nodes(function, ast.Name) if n.id == name and n not in outer]
        if outer and own and f"{name}_" not in names_in(function):
            clue = Clue("", f"{name} is used here as it is known outside; a local name hides it", Evidence.TYPE)
            text = place.replaced((node, f"{name}_") for node in own)
            yield change(place, text, f"The local {name} no longer hides the other.", clue)


def _hidden(place: Place, function: Function) -> set[str]:
    """Names in the failure that the function assigns and that builtins or the module also define."""
    names = {_unset(place)} | {identifier(n.value) for n in failing(place, ast.Attribute)}
    if "not callable" in place.message:
        names |= {identifier(n.func) for n in failing(place, ast.Call)}
    taken = {a.arg for a in nodes(function.args, ast.arg)}
    known = set(dir(builtins)) | module_names(place.module)
    return {n for n in names & known if n not in taken and _sets(function, n)}


def _meant_outside(place: Place, function: Function, name: str) -> list[ast.Name]:
    """Uses that call the name, and the one whose attribute failed."""
    found = [n.func for n in nodes(function, ast.Call)] + [n.value for n in failing(place, ast.Attribute)]
    return [n for n in found if isinstance(n, ast.Name) and n.id == name]

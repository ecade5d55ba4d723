"""Variables that are not set on every way, and names that a scope hides: of a function around, a builtin, a module."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Sequence

from core.repair.localize.locate import Place
from core.repair.localize.sources import first_statement
from core.repair.localize.syntax import (
    Function,
    covers,
    functions_in,
    identifier,
    imported_name,
    imports_of,
    last_line,
    names_in,
    nodes,
    stores,
)
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import Said, documented, sentences, words_of
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing

UNSET = re.compile(r"(?:local|free) variable '(\w+)'")
_NO_MEMBER = re.compile(r"'(\w+)' object has no attribute '(\w+)'")


@template("UnboundLocalError")
def initialise(place: Place) -> Changes:
    """Give the variable its value before the branch or loop that may not set it; or say that it is the module's."""
    variable, function = _unset(place), place.function
    if not variable or function is None:
        return
    if any(isinstance(n, ast.Assign | ast.AnnAssign) and _sets(n, variable) for n in place.module.body):
        said = Said("", f"the module has {variable}, which the function changes", 0.88)
        text = place.before(first_statement(function), f"global {variable}")
        yield change(place, text, f"{variable} is the module's.", said)
    setting = [n for n in _blocks(place, function) if n.lineno <= place.line and _sets(n, variable)]
    for statement in setting[:1]:
        for said in _beginnings(place, function, statement, variable):
            text = place.before(statement, f"{variable} = {said.value}")
            yield change(place, text, f"{variable} is not set on every way: it begins as {said.value}.", said)


def _unset(place: Place) -> str:
    """The variable that has no value yet."""
    match = UNSET.search(place.message)
    return match[1] if match else ""


_COMPOUND = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match, ast.AsyncFor)


def _blocks(place: Place, function: Function) -> list[ast.stmt]:
    """Compound statements that come before the line in its own block or one around it, outermost first."""
    bodies = [getattr(n, field, []) for n in ast.walk(function) for field in ("body", "orelse", "finalbody")]
    around = [body for body in bodies if isinstance(body, list) and _spans(body, place.line)]
    found = [n for body in around for n in body if isinstance(n, _COMPOUND) and last_line(n) < place.line]
    return sorted(found, key=lambda n: n.lineno)


def _spans(body: list[ast.stmt], line: int) -> bool:
    return bool(body) and body[0].lineno <= line <= last_line(body[-1])


def _sets(node: ast.AST, variable: str) -> bool:
    return variable in {n.id for n in stores(node)}


def _beginnings(place: Place, function: Function, statement: ast.stmt, variable: str) -> list[Said]:
    about = words_of(variable, function.name)
    return [*_none_of_it(place, statement, variable), *documented(place, about), *_of_kind(statement, variable)]


def _none_of_it(place: Place, statement: ast.stmt, variable: str) -> list[Said]:
    """ "Otherwise there is no surcharge", of a surcharge that the branches set to a number: nothing of it is 0."""
    kind, words = _of_kind(statement, variable)[0].value, variable.replace("_", " ")
    told = [s for s in sentences(place) if re.search(rf"\b(no|without(?: an?)?) {words}\b", s.text)]
    return [Said(kind, f"the documentation says: {told[0].text[:200]}", 0.88)] if told and kind != "None" else []


def _of_kind(statement: ast.stmt, variable: str) -> list[Said]:
    """Neutral values of the kind that the branches set."""
    values = [n.value for n in nodes(statement, ast.Assign) if variable in map(identifier, n.targets)]
    return [*(Said(_neutral(value), "", 0.6) for value in values), Said("None", "", 0.5), Said("0", "", 0.5)]


def _neutral(value: ast.expr) -> str:
    kinds = {ast.List: "[]", ast.ListComp: "[]", ast.Dict: "{}", ast.DictComp: "{}"}
    plain = {int: "0", float: "0.0", str: '""', bool: "False"}.get(type(getattr(value, "value", None)), "None")
    return kinds.get(type(value), plain)


@template("UnboundLocalError")
def set_by_another_name(place: Place) -> Changes:
    """``if ...: price = 1`` and ``else: cost = 2``: a branch sets what nobody reads, in the place of the unset."""
    variable, function = _unset(place), place.function
    if not variable or function is None:
        return
    read = {n.id for n in nodes(function, ast.Name) if isinstance(n.ctx, ast.Load)}
    spare = [n for n in stores(function) if n.id not in read]
    if len(spare) == 1 and _beside(function, spare[0], variable):
        said = Said("", f"the branch sets {spare[0].id}, which nothing reads, where the others set {variable}", 0.92)
        yield change(place, place.replace(spare[0], variable), f"The branch is to set {variable}.", said)


def _beside(function: Function, spare: ast.Name, variable: str) -> bool:
    """The spare name is set in a branch of the very statement whose other branches set the variable."""
    branching = [stores(n) for n in nodes(function, ast.If, ast.Try, ast.Match)]
    return any(spare in found and variable in {n.id for n in found} for found in branching)


@template("UnboundLocalError")
def of_the_outer(place: Place) -> Changes:
    """``nonlocal count``: the function changes a variable that a function around it sets."""
    variable, function = _unset(place), place.function
    if not variable or function is None:
        return
    changed = {identifier(n.target) for n in nodes(function, ast.AugAssign)}
    around = [n for n in functions_in(place.module) if n is not function and function in ast.walk(n)]
    outer = [n for n in around if variable in changed & _set_by(n)]
    if outer:
        said = Said("", f"{outer[-1].name} around it sets {variable}, which the function changes", 0.91)
        text = place.before(first_statement(function), f"nonlocal {variable}")
        yield change(place, text, f"{variable} is {outer[-1].name}'s.", said)


def _set_by(function: Function) -> set[str]:
    """Names that the function's own statements set, those of functions in it left out."""
    inner = [n for n in nodes(function, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda) if n is not function]
    inside = {id(x) for n in inner for x in ast.walk(n)}
    return {n.id for n in stores(function) if id(n) not in inside} | {a.arg for a in function.args.args}


@template("UnboundLocalError")
def after_handler(place: Place) -> Changes:
    """``str(error)`` after the handler of ``error``, which ends with it: what the handler kept of it."""
    variable = _unset(place)
    handlers = nodes(place.function, ast.ExceptHandler) if variable and place.function else []
    for kept in [n for h in handlers if h.name == variable for n in nodes(h, ast.Assign)]:
        for node in place.expressions(ast.Call, ast.Name):
            if ast.unparse(node) == ast.unparse(kept.value) and node is not kept.value:
                target = ast.unparse(kept.targets[0])
                said = Said("", f"the handler keeps it in {target}; {variable} ends with the handler", 0.91)
                yield change(place, place.replace(node, target), f"{target} is what the handler kept.", said)


@template("TypeError", "UnboundLocalError")
def hidden(place: Place) -> Changes:
    """``max = max(rows)``, ``set = []`` before ``set(rows)``: the local name is given another one."""
    function = place.function
    if function is None:
        return
    for name in _hidden_names(place, function):
        outer = _meant_outside(place, function, name)
        own = [n for n in nodes(function, ast.Name) if n.id == name and n not in outer]
        if outer and own and f"{name}_" not in names_in(function):
            said = Said("", f"{name} is called here as it is known outside; a local name hides it", 0.91)
            text = place.replaced((node, f"{name}_") for node in own)
            yield change(place, text, f"The local {name} no longer hides the other.", said)


def _hidden_names(place: Place, function: Function) -> set[str]:
    """Names of the failure that the function sets and that builtins or the module know otherwise."""
    names = {_unset(place)}
    if "not callable" in place.message:
        names |= {identifier(n.func) for n in failing(place, ast.Call)}
    return {n for n in names & (set(dir(builtins)) | _of_module(place)) if _is_local(function, n)}


def _of_module(place: Place) -> set[str]:
    """Functions, classes and imports of the module."""
    defined = {n.name for n in place.module.body if isinstance(n, Function | ast.ClassDef)}
    return defined | {imported_name(a).split(".")[0] for n in imports_of(place.module) for a in n.names}


def _meant_outside(place: Place, function: Function, name: str) -> list[ast.Name]:
    """Uses that call the name, or take a module's member before the local one is set."""
    set_at = min(n.lineno for n in stores(function) if n.id == name)
    found = [n.func for n in nodes(function, ast.Call)]
    if name in {imported_name(a) for n in imports_of(place.module) for a in n.names}:
        found += [n.value for n in nodes(function, ast.Attribute) if n.lineno <= set_at]
    return [n for n in found if isinstance(n, ast.Name) and n.id == name]


@template("AttributeError")
def hidden_module(place: Place) -> Changes:
    """A local name that hides an imported module whose attribute is meant: the local one gets another name."""
    match, function = _NO_MEMBER.search(place.message), place.function
    if not match or function is None:
        return
    for node in [n for n in failing(place, ast.Attribute) if n.attr == match[2]]:
        name = identifier(node.value)
        if name in _modules(place) and _is_local(function, name):
            uses = [n for n in nodes(function, ast.Name) if n.id == name and not _has_member(function, n)]
            said = Said("", f"{name} is a module here, whose {node.attr} is meant; a local name hides it", 0.9)
            text = place.replaced((use, f"{name}_") for use in uses)
            yield change(place, text, f"The local {name} no longer hides the module.", said)


def _modules(place: Place) -> set[str]:
    """Names under which the module imports others as a whole."""
    whole = [n for n in imports_of(place.module) if isinstance(n, ast.Import)]
    return {imported_name(alias) for n in whole for alias in n.names}


def _is_local(function: Function, name: str) -> bool:
    return name not in {a.arg for a in nodes(function.args, ast.arg)} and _sets(function, name)


def _has_member(function: Function, node: ast.Name) -> bool:
    """The name stands before an attribute that the module has."""
    module = sys.modules.get(node.id)
    return any(hasattr(module, n.attr) for n in nodes(function, ast.Attribute) if n.value is node)


@template("ImportError")
def moved_to_use(place: Place) -> Changes:
    """``from b import f`` while b imports this module: the import moves into the functions that use it."""
    if "partially initialized module" not in place.message:
        return
    for node in [n for n in imports_of(place.module) if isinstance(n, ast.ImportFrom) and covers(n, place.line)]:
        names = {imported_name(a) for a in node.names}
        users = [n for n in _functions(place.module) if names & _loaded(n.body)]
        outside = _loaded([place.module], skip=users)
        if users and not names & outside:
            said = Said("", "the two modules import each other; this one needs the other when it is called", 0.9)
            yield change(place, _moved(place, node, users), "The import stands where it is used.", said)


def _moved(place: Place, node: ast.ImportFrom, users: list[Function]) -> str:
    """The file's text with the import at the beginning of each function that uses it."""
    line, firsts = ast.unparse(node), [first_statement(function) for function in users]
    text = place.replaced((n, f"{line}\n{' ' * n.col_offset}{place.source(n)}") for n in firsts)
    rows = text.splitlines(keepends=True)
    return "".join(rows[: node.lineno - 1] + rows[last_line(node) :])


def _functions(module: ast.Module) -> list[Function]:
    owners = [module, *(n for n in module.body if isinstance(n, ast.ClassDef))]
    return [n for owner in owners for n in owner.body if isinstance(n, Function)]


def _loaded(read: Sequence[ast.AST], skip: Sequence[Function] = ()) -> set[str]:
    """Names that the statements read, the bodies of ``skip`` left out."""
    inside = {id(x) for function in skip for part in function.body for x in ast.walk(part)}
    return {n.id for node in read for n in nodes(node, ast.Name) if id(n) not in inside}

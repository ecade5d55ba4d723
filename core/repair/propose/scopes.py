"""Variables that are not set on every way, and names that a scope hides: of a function around, a builtin, a module."""

from __future__ import annotations

import ast
import builtins
import re
import sys

from core.repair.localize.locate import Place
from core.repair.localize.sources import Function, first_statement
from core.repair.propose.base import Changes, change
from core.repair.propose.evidence import Said, documented, sentences, words_of
from core.repair.propose.suspects import failing

UNSET = re.compile(r"(?:local|free) variable '(\w+)'")
_NO_MEMBER = re.compile(r"'(\w+)' object has no attribute '(\w+)'")


def initialise(place: Place) -> Changes:
    """Give the variable its value before the branch or loop that may not set it; or say that it is the module's."""
    match = UNSET.search(place.crash.exception.message)
    if not match or not place.function:
        return
    variable = match[1]
    if any(isinstance(n, ast.Assign | ast.AnnAssign) and _sets(n, variable) for n in place.module.body):
        said = Said("", f"the module has {variable}, which the function changes", 0.88)
        text = place.before(first_statement(place.function), f"global {variable}")
        yield change(place, text, f"{variable} is the module's.", said)
    compound = ast.If | ast.For | ast.While | ast.Try | ast.With | ast.Match | ast.AsyncFor
    setting = [n for n in _blocks(place, compound) if n.lineno <= place.line and _sets(n, variable)]
    for statement in setting[:1]:
        for said in _beginnings(place, statement, variable):
            text = place.before(statement, f"{variable} = {said.value}")
            yield change(place, text, f"{variable} is not set on every way: it begins as {said.value}.", said)


def _blocks(place: Place, compound: type) -> list[ast.stmt]:
    """Compound statements that come before the line in its own block or one around it, outermost first."""
    found = []
    for node in ast.walk(place.function):
        for body in (getattr(node, f, []) for f in ("body", "orelse", "finalbody")):
            around = isinstance(body, list) and body and body[0].lineno <= place.line <= body[-1].end_lineno
            found += [n for n in body if isinstance(n, compound) and n.end_lineno < place.line] if around else []
    return sorted(found, key=lambda n: n.lineno)


def _sets(node: ast.AST, variable: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == variable and isinstance(n.ctx, ast.Store) for n in ast.walk(node))


def _beginnings(place: Place, statement: ast.stmt, variable: str) -> list[Said]:
    about = words_of(variable, place.function.name)
    return [*_none_of_it(place, statement, variable), *documented(place, about), *_of_kind(statement, variable)]


def _none_of_it(place: Place, statement: ast.stmt, variable: str) -> list[Said]:
    """ "Otherwise there is no surcharge", of a surcharge that the branches set to a number: nothing of it is 0."""
    kind, words = _of_kind(statement, variable)[0].value, variable.replace("_", " ")
    told = [s for s in sentences(place) if re.search(rf"\b(no|without(?: an?)?) {words}\b", s.text)]
    return [Said(kind, f"the documentation says: {told[0].text[:200]}", 0.88)] if told and kind != "None" else []


def _of_kind(statement: ast.stmt, variable: str) -> list[Said]:
    """Neutral values of the kind that the branches set."""
    found = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == variable for t in node.targets):
            value = node.value
            kinds = {ast.List: "[]", ast.ListComp: "[]", ast.Dict: "{}", ast.DictComp: "{}"}
            plain = {int: "0", float: "0.0", str: '""', bool: "False"}.get(type(getattr(value, "value", None)), "None")
            found.append(Said(kinds.get(type(value), plain), "", 0.6))
    return [*found, Said("None", "", 0.5), Said("0", "", 0.5)]


def set_by_another_name(place: Place) -> Changes:
    """``if ...: price = 1`` and ``else: cost = 2``: a branch sets what nobody reads, in the place of the unset."""
    match = UNSET.search(place.crash.exception.message)
    names = [n for n in ast.walk(place.function) if isinstance(n, ast.Name)] if match and place.function else []
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    spare = [n for n in names if isinstance(n.ctx, ast.Store) and n.id not in read]
    if len(spare) == 1 and _beside(place, spare[0], match[1]):
        said = Said("", f"the branch sets {spare[0].id}, which nothing reads, where the others set {match[1]}", 0.92)
        yield change(place, place.replace(spare[0], match[1]), f"The branch is to set {match[1]}.", said)


def _beside(place: Place, spare: ast.Name, variable: str) -> bool:
    """The spare name is set in a branch of the very statement whose other branches set the variable."""
    for node in [n for n in ast.walk(place.function) if isinstance(n, ast.If | ast.Try | ast.Match)]:
        inside = list(ast.walk(node))
        stores = [n for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        if spare in stores and any(n.id == variable for n in stores):
            return True
    return False


def of_the_outer(place: Place) -> Changes:
    """``nonlocal count``: the function changes a variable that a function around it sets."""
    match = UNSET.search(place.crash.exception.message)
    if not match or not place.function:
        return
    variable = match[1]
    around = [n for n in ast.walk(place.module) if isinstance(n, Function) and place.function in ast.walk(n)]
    outer = [n for n in around if n is not place.function and variable in _set_by(n)]
    changed = [n for n in ast.walk(place.function) if isinstance(n, ast.AugAssign)]
    if outer and any(getattr(n.target, "id", "") == variable for n in changed):
        said = Said("", f"{outer[-1].name} around it sets {variable}, which the function changes", 0.91)
        text = place.before(first_statement(place.function), f"nonlocal {variable}")
        yield change(place, text, f"{variable} is {outer[-1].name}'s.", said)


def _set_by(function: Function) -> set[str]:
    """Names that the function's own statements set, those of functions in it left out."""
    inner = [n for n in ast.walk(function) if isinstance(n, Function | ast.Lambda) and n is not function]
    inside = {id(x) for n in inner for x in ast.walk(n)}
    stored = [n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return {n.id for n in stored if id(n) not in inside} | {a.arg for a in function.args.args}


def after_handler(place: Place) -> Changes:
    """``str(error)`` after the handler of ``error``, which ends with it: what the handler kept of it."""
    match = UNSET.search(place.crash.exception.message)
    if not match or not place.function:
        return
    handlers = [n for n in ast.walk(place.function) if isinstance(n, ast.ExceptHandler)]
    for kept in [n for h in handlers if h.name == match[1] for n in ast.walk(h) if isinstance(n, ast.Assign)]:
        for node in place.expressions(ast.Call, ast.Name):
            if ast.unparse(node) == ast.unparse(kept.value) and node is not kept.value:
                target = ast.unparse(kept.targets[0])
                said = Said("", f"the handler keeps it in {target}; {match[1]} ends with the handler", 0.91)
                yield change(place, place.replace(node, target), f"{target} is what the handler kept.", said)


def hidden(place: Place) -> Changes:
    """``max = max(rows)``, ``set = []`` before ``set(rows)``: the local name is given another one."""
    if not place.function:
        return
    for name in _hidden_names(place):
        uses = [n for n in ast.walk(place.function) if isinstance(n, ast.Name) and n.id == name]
        outer = _meant_outside(place, name)
        own = [n for n in uses if n not in outer]
        taken = {n.id for n in ast.walk(place.function) if isinstance(n, ast.Name)}
        if outer and own and f"{name}_" not in taken:
            said = Said("", f"{name} is called here as it is known outside; a local name hides it", 0.91)
            text = place.replaced((node, f"{name}_") for node in own)
            yield change(place, text, f"The local {name} no longer hides the other.", said)


def _hidden_names(place: Place) -> set[str]:
    """Names of the failure that the function sets and that builtins or the module know otherwise."""
    message = place.crash.exception.message
    match = UNSET.search(message)
    names = {match[1]} if match else set()
    if "not callable" in message:
        names |= {n.func.id for n in failing(place, ast.Call) if isinstance(n.func, ast.Name)}
    return {n for n in names & (set(dir(builtins)) | _of_module(place)) if _is_local(place, n)}


def _of_module(place: Place) -> set[str]:
    """Functions, classes and imports of the module."""
    imports = [a for n in place.module.body if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names]
    defined = {n.name for n in place.module.body if isinstance(n, Function | ast.ClassDef)}
    return defined | {(a.asname or a.name).split(".")[0] for a in imports}


def _meant_outside(place: Place, name: str) -> list[ast.Name]:
    """Uses that call the name, or take a module's member before the local one is set."""
    set_at = min(n.lineno for n in ast.walk(place.function) if _stores(n, name))
    modules = {
        (a.asname or a.name) for n in place.module.body if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names
    }
    found = [n.func for n in ast.walk(place.function) if isinstance(n, ast.Call)]
    if name in modules:
        members = [n for n in ast.walk(place.function) if isinstance(n, ast.Attribute) and n.lineno <= set_at]
        found += [n.value for n in members]
    return [n for n in found if isinstance(n, ast.Name) and n.id == name]


def _stores(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def hidden_module(place: Place) -> Changes:
    """A local name that hides an imported module whose attribute is meant: the local one gets another name."""
    match = _NO_MEMBER.search(place.crash.exception.message)
    imported = {(a.asname or a.name) for n in place.module.body if isinstance(n, ast.Import) for a in n.names}
    for node in failing(place, ast.Attribute) if match and place.function else ():
        name = getattr(node.value, "id", "")
        if node.attr == match[2] and name in imported and _is_local(place, name):
            uses = [n for n in ast.walk(place.function) if isinstance(n, ast.Name) and n.id == name]
            others = [n for n in uses if not _has_member(place, n)]
            said = Said("", f"{name} is a module here, whose {node.attr} is meant; a local name hides it", 0.9)
            text = place.replaced((node, f"{name}_") for node in others)
            yield change(place, text, f"The local {name} no longer hides the module.", said)


def _is_local(place: Place, name: str) -> bool:
    parameters = {a.arg for a in ast.walk(place.function.args) if isinstance(a, ast.arg)}
    stored = [n for n in ast.walk(place.function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return name not in parameters and any(n.id == name for n in stored)


def _has_member(place: Place, node: ast.Name) -> bool:
    """The name stands before an attribute that the module has."""
    module = sys.modules.get(node.id)
    around = [n for n in ast.walk(place.function) if isinstance(n, ast.Attribute) and n.value is node]
    return any(hasattr(module, n.attr) for n in around)


def moved_to_use(place: Place) -> Changes:
    """``from b import f`` while b imports this module: the import moves into the functions that use it."""
    if "partially initialized module" not in place.crash.exception.message:
        return
    for node in [n for n in place.module.body if isinstance(n, ast.ImportFrom)]:
        if not node.lineno <= place.line <= node.end_lineno:
            continue
        names = {a.asname or a.name for a in node.names}
        users = [n for n in _functions(place.module) if names & _loaded(n.body)]
        outside = _loaded([n for n in ast.walk(place.module) if isinstance(n, ast.stmt)], skip=users)
        if users and not names & outside:
            firsts = [first_statement(function) for function in users]
            line = ast.unparse(node)
            text = place.replaced((n, f"{line}\n{' ' * n.col_offset}{place.source(n)}") for n in firsts)
            rows = text.splitlines(keepends=True)
            text = "".join(rows[: node.lineno - 1] + rows[node.end_lineno :])
            said = Said("", "the two modules import each other; this one needs the other when it is called", 0.9)
            yield change(place, text, "The import stands where it is used.", said)


def _functions(module: ast.Module) -> list[Function]:
    owners = [module, *(n for n in module.body if isinstance(n, ast.ClassDef))]
    return [n for owner in owners for n in owner.body if isinstance(n, Function)]


def _loaded(nodes: list, skip: list = ()) -> set[str]:
    """Names that the statements read, the bodies of ``skip`` left out."""
    inside = {id(x) for function in skip for part in function.body for x in ast.walk(part)}
    return {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name) and id(n) not in inside}

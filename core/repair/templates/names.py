"""Names and attributes that are not there: near ones that are, missing imports, values never set."""

from __future__ import annotations

import ast
import builtins
import difflib
import re
import sys

from core.repair.evidence import Said, documented, modules
from core.repair.locate import Place
from core.repair.templates.base import Changes, change

UNDEFINED = re.compile(r"name '(\w+)' is not defined")
UNSET = re.compile(r"local variable '(\w+)'")
LACKING = re.compile(
    r"(?:'(?P<type>[\w.]+)' object|module '(?P<module>[\w.]+)'|type object '(?P<cls>\w+)')"
    r" has no attribute '(?P<name>\w+)'"
)
NEAR = 0.6


def name(place: Place) -> Changes:
    match = UNDEFINED.search(place.crash.exception.message)
    if not match:
        return
    wrong = match[1]
    uses = [n for n in place.expressions(ast.Name) if n.id == wrong]
    for near in difflib.get_close_matches(wrong, sorted(_visible(place) - {wrong}), 3, NEAR):
        for node in uses:
            said = Said("", f"{near} is defined here and spelled almost like {wrong}", 0.85)
            yield change(place, place.replace(node, near), f"The name is {near}.", said)
    if wrong in sys.stdlib_module_names:
        said = Said("", f"{wrong} is a module of the standard library that is used here but not imported", 0.93)
        yield change(place, _with_import(place, f"import {wrong}"), f"Import {wrong}.", said)
    yield from _imported_elsewhere(place, wrong)


def _imported_elsewhere(place: Place, wrong: str) -> Changes:
    for path, module in modules(place):
        for node in module.body:
            if (
                path != place.path
                and isinstance(node, ast.ImportFrom)
                and any((a.asname or a.name) == wrong for a in node.names)
            ):
                line = f"from {'.' * node.level}{node.module or ''} import {wrong}"
                yield change(
                    place,
                    _with_import(place, line),
                    f"Import {wrong}.",
                    Said("", f"{path} imports it so", 0.88),
                )
            if path != place.path and isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == wrong:
                line = f"from {path.removesuffix('.py').replace('/', '.')} import {wrong}"
                yield change(place, _with_import(place, line), f"Import {wrong}.", Said("", f"{path} defines it", 0.85))


def _visible(place: Place) -> set[str]:
    """Names that the function can see: its own, the module's, the builtins."""
    found = {
        n.id
        for n in ast.walk(place.function or place.module)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    found |= {
        a.arg
        for n in ast.walk(place.function or place.module)
        if isinstance(n, ast.arguments)
        for a in n.args + n.kwonlyargs
    }
    for node in place.module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        found |= (
            {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            if isinstance(node, ast.Assign | ast.AnnAssign)
            else set()
        )
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return found | {n for n in dir(builtins) if n.islower()}


def _with_import(place: Place, line: str) -> str:
    """The text with one more import, after the last of the module's head."""
    body = place.module.body
    imports = [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)]
    rows = place.text.splitlines(keepends=True)
    at = imports[-1].end_lineno if imports else (body[0].end_lineno if body and isinstance(body[0], ast.Expr) else 0)
    gap = "" if imports else "\n"
    return "".join(rows[:at]) + f"{gap}{line}\n" + "".join(rows[at:])


def initialise(place: Place) -> Changes:
    """Give the variable its value before the branch or loop that may not set it."""
    match = UNSET.search(place.crash.exception.message)
    if not match or not place.function:
        return
    variable = match[1]
    setting = [
        n
        for n in place.function.body
        if isinstance(n, ast.If | ast.For | ast.While | ast.Try | ast.With)
        and n.lineno <= place.line
        and _sets(n, variable)
    ]
    for statement in setting[:1]:
        for said in [*documented(place), *_of_kind(statement, variable)]:
            yield change(
                place,
                place.before(statement, f"{variable} = {said.value}"),
                f"{variable} is not set on every way: it begins as {said.value}.",
                said,
            )


def _sets(node: ast.AST, variable: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == variable and isinstance(n.ctx, ast.Store) for n in ast.walk(node))


def _of_kind(statement: ast.stmt, variable: str) -> list[Said]:
    """Neutral values of the kind that the branches set."""
    found = []
    for node in ast.walk(statement):
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == variable for t in node.targets):
            value = node.value
            kind = (
                "[]"
                if isinstance(value, ast.List | ast.ListComp)
                else "{}"
                if isinstance(value, ast.Dict)
                else {int: "0", float: "0.0", str: '""', bool: "False"}.get(type(getattr(value, "value", None)), "None")
            )
            found.append(Said(kind, "", 0.6))
    return [*found, Said("None", "", 0.5), Said("0", "", 0.5)]


def attribute(place: Place) -> Changes:
    match = LACKING.search(place.crash.exception.message)
    if not match or match["type"] == "NoneType":
        return
    wrong, known = match["name"], _attributes(place, match)
    for node in place.expressions(ast.Attribute):
        if node.attr != wrong:
            continue
        base = place.source(node.value)
        for near in difflib.get_close_matches(wrong, sorted(known - {wrong}), 3, NEAR):
            said = Said("", f"{match['type'] or match['module'] or match['cls']} has {near}, not {wrong}", 0.88)
            yield change(place, place.replace(node, f"{base}.{near}"), f"The attribute is called {near}.", said)


def _attributes(place: Place, match: re.Match) -> set[str]:
    """What the object has: by its class in the repository, or by the standard library's."""
    kind = (match["type"] or match["cls"] or match["module"]).rsplit(".", 1)[-1]
    builtin = getattr(builtins, kind, None)
    found = set(dir(builtin)) if isinstance(builtin, type) else set()
    if match["module"] in sys.modules and match["module"] in sys.stdlib_module_names:
        found |= set(dir(sys.modules[match["module"]]))
    for path, module in modules(place):
        if match["module"] and path.removesuffix(".py").replace("/", ".").endswith(match["module"]):
            found |= {n.name for n in module.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef) and node.name == kind:
                found |= _members(node)
    return {n for n in found if not n.startswith("__")}


def _members(node: ast.ClassDef) -> set[str]:
    found = {n.name for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    found |= {n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    found |= {t.id for n in node.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    return found | {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}


def imported(place: Place) -> Changes:
    """A name that its module no longer has: the nearest it has."""
    match = re.search(r"cannot import name '(\w+)' from '([\w.]+)'", place.crash.exception.message)
    if not match:
        return
    for path, module in modules(place):
        if not path.removesuffix(".py").replace("/", ".").endswith(match[2]):
            continue
        defined = [n.name for n in module.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        for near in difflib.get_close_matches(match[1], defined, 2, NEAR):
            said = Said("", f"{path} defines {near}", 0.85)
            yield change(place, place.text.replace(match[1], near), f"The name is {near}.", said)

"""Names, attributes and arguments that are not there: near ones that are, values never set."""

from __future__ import annotations

import ast
import builtins
import difflib
import re
import sys

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, defaults, members_of
from core.repair.propose.base import Changes, change, inside
from core.repair.propose.evidence import Said, documented, modules, words_of
from core.repair.propose.imports import REMOVED, missing, with_import
from core.repair.propose.suspects import failing
from core.repair.propose.synonyms import synonym

UNDEFINED = re.compile(r"name '(\w+)' is not defined")
LACKING = re.compile(
    r"(?:'(?P<type>[\w.]+)' object|module '(?P<module>[\w.]+)'|type object '(?P<cls>[\w.]+)')"
    r" has no attribute '(?P<name>\w+)'"
)
UNEXPECTED = re.compile(r"\b(\w+)\(\) got an unexpected keyword argument '(\w+)'")
ABSENT = re.compile(r"\b(\w+)\(\) missing \d+ required (?:positional|keyword-only) arguments?: '(\w+)'")
NEAR = 0.6
# methods of one type that people know from another, and those that Python 3 renamed
SAME = {
    ("list", "add"): "append", ("set", "append"): "add", ("list", "push"): "append", ("list", "addAll"): "extend",
    ("dict", "iteritems"): "items", ("dict", "itervalues"): "values", ("dict", "iterkeys"): "keys",
    ("Thread", "isAlive"): "is_alive", ("array", "tostring"): "tobytes", ("Element", "getiterator"): "iter",
    ("deque", "push"): "append", ("deque", "add"): "append", ("str", "trim"): "strip", ("str", "toLowerCase"): "lower",
}  # fmt: skip
# methods that Python 3 took away: the call with {0} the object and {1} the arguments
DROPPED = {
    ("Element", "getchildren"): "list({0})", ("dict", "has_key"): "({1} in {0})", ("generator", "next"): "next({0})",
    ("array", "fromstring"): "{0}.frombytes({1})", ("list_iterator", "next"): "next({0})",
}  # fmt: skip


def name(place: Place) -> Changes:
    match = UNDEFINED.search(place.crash.exception.message)
    if not match:
        return
    wrong = match[1]
    uses = [n for n in ast.walk(place.function or place.module) if isinstance(n, ast.Name) and n.id == wrong]
    on_line = [n for n in uses if n.lineno <= place.line <= n.end_lineno]
    for near in difflib.get_close_matches(wrong, sorted(_visible(place) - {wrong}), 3, NEAR):
        said = Said("", f"{near} is defined here and spelled almost like {wrong}", 0.86)
        text = place.replaced((node, near) for node in uses)
        yield change(place, text, f"The name is {near}.", said)
    for node in on_line:
        if place.function and "self" in {a.arg for a in place.function.args.args} and wrong in _own_members(place):
            said = Said("", f"the class has {wrong}", 0.9)
            yield change(place, place.replace(node, f"self.{wrong}"), f"{wrong} is the object's own.", said)
    yield from missing(place, wrong)


def _own_members(place: Place) -> set[str]:
    owner = [n for n in place.module.body if isinstance(n, ast.ClassDef) and place.function in n.body]
    return members_of(owner[0]) if owner else set()


def _visible(place: Place) -> set[str]:
    """Names that the function can see: its own, those around it, the module's, the builtins."""
    scope = place.function or place.module
    found = {n.id for n in ast.walk(scope) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    found |= {a.arg for n in ast.walk(scope) if isinstance(n, ast.arguments) for a in n.args + n.kwonlyargs}
    found |= set(place.frame.locals or {}) & {n for n in place.frame.locals or {} if n.isidentifier()}
    for node in place.module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.Assign | ast.AnnAssign):
            found |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0] for a in node.names}
    return found | {n for n in dir(builtins) if n.islower() and not n.startswith("_")}


def attribute(place: Place) -> Changes:
    match = LACKING.search(place.crash.exception.message)
    if not match or match["type"] == "NoneType":
        return
    wrong, kind = match["name"], (match["type"] or match["cls"] or match["module"]).rsplit(".", 1)[-1]
    known = _attributes(place, match)
    for node in [n for n in failing(place, ast.Attribute) if n.attr == wrong]:
        yield from _known_change(place, node, kind, match["module"])
        base = place.source(node.value)
        for near in difflib.get_close_matches(wrong, sorted(known - {wrong}), 3, NEAR):
            said = Said("", f"{kind} has {near}, not {wrong}", 0.74 if wrong in known else 0.88)
            yield change(place, place.replace(node, f"{base}.{near}"), f"The attribute is called {near}.", said)
        if same := synonym(wrong, known):
            said = Said("", f"{kind} has {same}, which means the same, and no {wrong}", 0.84)
            yield change(place, place.replace(node, f"{base}.{same}"), f"The attribute is called {same}.", said)
        yield from _between(place, node, wrong, known)
        yield from _of_mapping(place, node, wrong)


def _known_change(place: Place, node: ast.Attribute, kind: str, module: str | None) -> Changes:
    base = place.source(node.value)
    if (module, node.attr) in REMOVED:
        new, line = REMOVED[module, node.attr]
        said = Said("", f"{module}.{node.attr} was removed from the standard library in favour of {new}", 0.94)
        text = place.replace(node, new)
        yield change(place, with_import(place, line, text), f"{node.attr} is {new} now.", said)
    if (kind, node.attr) in SAME:
        said = Said("", f"a {kind} has {SAME[kind, node.attr]}", 0.92)
        yield change(
            place, place.replace(node, f"{base}.{SAME[kind, node.attr]}"), f"A {kind} has no {node.attr}.", said
        )
    for call in [n for n in place.expressions(ast.Call) if n.func is node]:
        if (kind, node.attr) in (("str", "decode"), ("bytes", "encode")):
            said = Said("", f"the value is {kind} already", 0.86)
            yield change(place, place.replace(call, base), f"{base} is {kind} already.", said)
        if (kind, node.attr) in DROPPED:
            new = DROPPED[kind, node.attr].format(base, ", ".join(map(place.source, call.args)))
            said = Said("", f"a {kind} has no {node.attr} any more; {new} does the same", 0.93)
            yield change(place, place.replace(call, new), f"A {kind} has no {node.attr}.", said)


def _between(place: Place, node: ast.Attribute, wrong: str, known: set[str]) -> Changes:
    """``order.customer.email`` where ``order.email`` was written: the part whose class has the attribute."""
    base = place.source(node.value)
    having = {
        c.name for _, m in modules(place) for c in ast.walk(m) if isinstance(c, ast.ClassDef) and wrong in members_of(c)
    }
    for middle in sorted(known | set(place.members(node.value))):
        named = [c for c in having if c.lower() == middle.replace("_", "").lower() or _field_type(place, middle) == c]
        if named:
            said = Said("", f"{named[0]} has {wrong}, and {base} has its {middle}", 0.9)
            yield change(place, place.replace(node, f"{base}.{middle}.{wrong}"), f"{wrong} is of the {middle}.", said)


def _field_type(place: Place, field: str) -> str:
    for _, module in modules(place):
        for node in ast.walk(module):
            if isinstance(node, ast.AnnAssign) and field in (
                getattr(node.target, "id", ""),
                getattr(node.target, "attr", ""),
            ):
                return ast.unparse(node.annotation).strip("'\"")
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and getattr(node.targets[0], "attr", "") == field
            ):
                return called(node.value)
    return ""


def _of_mapping(place: Place, node: ast.Attribute, wrong: str) -> Changes:
    """A dict's entry that was taken for an attribute."""
    value = place.value(node.value)
    if isinstance(value, dict) and wrong in value:
        said = Said("", f"{place.source(node.value)} is a mapping that holds {wrong!r}", 0.9)
        yield change(
            place,
            place.replace(node, f'{place.source(node.value)}["{wrong}"]'),
            "The entry of a mapping is meant.",
            said,
        )


def _attributes(place: Place, match: re.Match) -> set[str]:
    """What the object has: as observed, by its class in the repository, or by the standard library's."""
    kind = (match["type"] or match["cls"] or match["module"]).rsplit(".", 1)[-1]
    builtin = getattr(builtins, kind, None)
    found = set(dir(builtin)) if isinstance(builtin, type) else set()
    if match["module"] in sys.modules and match["module"] in sys.stdlib_module_names:
        found |= set(dir(sys.modules[match["module"]]))
    for node in failing(place, ast.Attribute):
        found |= set(place.members(node.value)) if node.attr == match["name"] else set()
    for path, module in modules(place):
        if match["module"] and path.removesuffix(".py").replace("/", ".").endswith(match["module"]):
            found |= {n.name for n in module.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef) and node.name == kind:
                found |= members_of(node)
    return {n for n in found if not n.startswith("__")}


def argument(place: Place) -> Changes:
    """A keyword that is called otherwise, an argument that was not handed on, a parameter without its default."""
    message = place.crash.exception.message
    if match := UNEXPECTED.search(message):
        yield from _renamed(place, match[1], match[2])
    elif match := ABSENT.search(message):
        yield from _handed_on(place, match[1], match[2])
        yield from _defaulted(place, match[1], match[2])


def functions(place: Place, wanted: str):
    for path, module in modules(place):
        for owner in [module, *(n for n in module.body if isinstance(n, ast.ClassDef))]:
            for node in owner.body:
                own = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == wanted
                if own:
                    yield path, node
                if isinstance(node, ast.ClassDef) and wanted == "__init__":
                    yield from ((path, n) for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")


def _renamed(place: Place, function: str, wrong: str) -> Changes:
    parameters = {a.arg for _, n in functions(place, function) for a in n.args.args + n.args.kwonlyargs}
    for near in difflib.get_close_matches(wrong, sorted(parameters), 2, 0.5):
        for node in place.expressions(ast.keyword):
            if node.arg == wrong:
                said = Said("", f"{function} has the parameter {near}", 0.88)
                text = place.replace(node, f"{near}={place.source(node.value)}")
                yield change(place, text, f"The argument is called {near}.", said)
    yield from _only_free(place, function, wrong)


def _only_free(place: Place, function: str, wrong: str) -> Changes:
    """The one required parameter that the call leaves without a value."""
    for node in [n for n in failing(place, ast.Call) if called(n) == function or function == "__init__"]:
        word = next((k for k in node.keywords if k.arg == wrong), None)
        for _, target in functions(place, function) if word else ():
            names = [a.arg for a in target.args.args if a.arg not in ("self", "cls")]
            names = names[len(node.args) :] + [a.arg for a in target.args.kwonlyargs]
            given = {k.arg for k in node.keywords}
            free = [n for n in names if n not in given and n not in defaults(target)]
            if len(free) == 1 and not target.args.kwarg:
                said = Said("", f"{function} needs {free[0]}, which alone has no value", 0.88)
                text = place.replace(word, f"{free[0]}={place.source(word.value)}")
                yield change(place, text, f"The argument is called {free[0]}.", said)


def _handed_on(place: Place, function: str, wanted: str) -> Changes:
    """The caller has a value of the very name."""
    local = {
        n.id
        for n in ast.walk(place.function or place.module)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    local |= {a.arg for a in place.function.args.args + place.function.args.kwonlyargs} if place.function else set()
    for node in failing(place, ast.Call):
        text = place.source(node)[:-1].rstrip().rstrip(",")
        comma = "" if text.endswith("(") else ", "
        given = f"self.{wanted}" if wanted in _own_members(place) else wanted if wanted in local else ""
        if given and (called(node) == function or function == "__init__"):
            said = Said("", f"the caller has {given}", 0.87)
            yield change(place, place.replace(node, f"{text}{comma}{wanted}={given})"), f"{wanted} is handed on.", said)


def _defaulted(place: Place, function: str, wanted: str) -> Changes:
    """The parameter's default, as its documentation gives it."""
    for path, node in functions(place, function):
        argument = next((a for a in node.args.args + node.args.kwonlyargs if a.arg == wanted), None)
        after = [a.arg for a in node.args.args]
        rest = after[after.index(wanted) + 1 :] if wanted in after else []
        if argument is None or any(r not in defaults(node) for r in rest):
            continue
        there = inside(place, path, node)
        for said in documented(there, words_of(wanted)):
            gap = " = " if argument.annotation else "="
            new = f"{there.source(argument)}{gap}{said.value}"
            yield change(there, there.replace(argument, new), f"{wanted} is optional: {said.value} by default.", said)

"""Names, attributes and arguments that are not there: near ones that are, values never set."""

from __future__ import annotations

import ast
import builtins
import difflib
import re
import sys
from collections.abc import Iterator
from itertools import product

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, defaults, members_of
from core.repair.localize.syntax import (
    Function,
    class_around,
    classes_of,
    covers,
    imported_name,
    last_name,
    nodes,
    stores,
)
from core.repair.propose.base import Changes, change, inside
from core.repair.propose.documentation import Said, documented, words_of
from core.repair.propose.evidence import modules
from core.repair.propose.imports import REMOVED, missing, with_import
from core.repair.propose.registry import template
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


@template("NameError")
def name(place: Place) -> Changes:
    match = UNDEFINED.search(place.message)
    if not match:
        return
    wrong = match[1]
    uses = [n for n in nodes(place.scope, ast.Name) if n.id == wrong]
    for near in difflib.get_close_matches(wrong, sorted(_visible(place) - {wrong}), 3, NEAR):
        said = Said("", f"{near} is defined here and spelled almost like {wrong}", 0.86)
        text = place.replaced((node, near) for node in uses)
        yield change(place, text, f"The name is {near}.", said)
    if _is_own(place, wrong):
        said = Said("", f"the class has {wrong}", 0.9)
        for node in [n for n in uses if covers(n, place.line)]:
            yield change(place, place.replace(node, f"self.{wrong}"), f"{wrong} is the object's own.", said)
    yield from missing(place, wrong)


def _is_own(place: Place, wrong: str) -> bool:
    """A method that takes its object, whose class has a member of this name."""
    taken = {a.arg for a in place.function.args.args} if place.function else set()
    return "self" in taken and wrong in _own_members(place)


def _own_members(place: Place) -> set[str]:
    owner = class_around(place.module, place.function)
    return members_of(owner) if owner else set()


def _visible(place: Place) -> set[str]:
    """Names that the function can see: its own, those around it, the module's, the builtins."""
    found = {n.id for n in stores(place.scope)}
    found |= {a.arg for n in nodes(place.scope, ast.arguments) for a in n.args + n.kwonlyargs}
    found |= {n for n in place.frame.locals or {} if n.isidentifier()}
    found |= {given for node in place.module.body for given in _names_given(node)}
    return found | {n for n in dir(builtins) if n.islower() and not n.startswith("_")}


def _names_given(node: ast.stmt) -> list[str]:
    """Names that a statement of the module gives."""
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return [n.id for n in stores(node)]
    aliases = node.names if isinstance(node, ast.Import | ast.ImportFrom) else []
    return [imported_name(a).split(".")[0] for a in aliases]


@template("AttributeError")
def attribute(place: Place) -> Changes:
    match = LACKING.search(place.message)
    if not match or match["type"] == "NoneType":
        return
    wrong, kind = match["name"], _kind_of(match)
    known = _attributes(place, match)
    for node in [n for n in failing(place, ast.Attribute) if n.attr == wrong]:
        yield from _known_change(place, node, kind, match["module"])
        yield from _like(place, node, kind, known)
        yield from _between(place, node, wrong, known)
        yield from _of_mapping(place, node, wrong)


def _kind_of(match: re.Match) -> str:
    """The type, class or module that lacks the attribute, by its last name."""
    return (match["type"] or match["cls"] or match["module"]).rsplit(".", 1)[-1]


def _like(place: Place, node: ast.Attribute, kind: str, known: set[str]) -> Changes:
    """Attributes that are spelled almost the same, or mean the same."""
    base, wrong = place.source(node.value), node.attr
    for near in difflib.get_close_matches(wrong, sorted(known - {wrong}), 3, NEAR):
        said = Said("", f"{kind} has {near}, not {wrong}", 0.74 if wrong in known else 0.88)
        yield change(place, place.replace(node, f"{base}.{near}"), f"The attribute is called {near}.", said)
    if same := synonym(wrong, known):
        said = Said("", f"{kind} has {same}, which means the same, and no {wrong}", 0.84)
        yield change(place, place.replace(node, f"{base}.{same}"), f"The attribute is called {same}.", said)


def _known_change(place: Place, node: ast.Attribute, kind: str, module: str | None) -> Changes:
    base = place.source(node.value)
    if module and (module, node.attr) in REMOVED:
        new, line = REMOVED[module, node.attr]
        said = Said("", f"{module}.{node.attr} was removed from the standard library in favour of {new}", 0.94)
        text = place.replace(node, new)
        yield change(place, with_import(place, line, text), f"{node.attr} is {new} now.", said)
    if same := SAME.get((kind, node.attr)):
        said = Said("", f"a {kind} has {same}", 0.92)
        yield change(place, place.replace(node, f"{base}.{same}"), f"A {kind} has no {node.attr}.", said)
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
    classes = [c for _, module in modules(place) for c in nodes(module, ast.ClassDef)]
    having = {c.name for c in classes if wrong in members_of(c)}
    for middle in sorted(known | set(place.members(node.value))):
        named = [c for c in having if c.lower() == middle.replace("_", "").lower() or _field_type(place, middle) == c]
        if named:
            said = Said("", f"{named[0]} has {wrong}, and {base} has its {middle}", 0.9)
            yield change(place, place.replace(node, f"{base}.{middle}.{wrong}"), f"{wrong} is of the {middle}.", said)


def _field_type(place: Place, field: str) -> str:
    """The type of a field or variable, by its annotation or by the call that makes it."""
    for _, module in modules(place):
        for node in nodes(module, ast.AnnAssign, ast.Assign):
            if isinstance(node, ast.AnnAssign):
                if last_name(node.target) == field:
                    return ast.unparse(node.annotation).strip("'\"")
            elif isinstance(node.value, ast.Call) and getattr(node.targets[0], "attr", "") == field:
                return called(node.value)
    return ""


def _of_mapping(place: Place, node: ast.Attribute, wrong: str) -> Changes:
    """A dict's entry that was taken for an attribute."""
    value, base = place.value(node.value), place.source(node.value)
    if isinstance(value, dict) and wrong in value:
        said = Said("", f"{base} is a mapping that holds {wrong!r}", 0.9)
        yield change(place, place.replace(node, f'{base}["{wrong}"]'), "The entry of a mapping is meant.", said)


def _attributes(place: Place, match: re.Match) -> set[str]:
    """What the object has: as observed, by its class in the repository, or by the standard library's."""
    kind, home = _kind_of(match), match["module"] or ""
    found = _of_standard_library(kind, home)
    for node in [n for n in failing(place, ast.Attribute) if n.attr == match["name"]]:
        found |= set(place.members(node.value))
    for path, module in modules(place):
        if home and path.removesuffix(".py").replace("/", ".").endswith(home):
            found |= {n.name for n in module.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        found |= {m for n in nodes(module, ast.ClassDef) if n.name == kind for m in members_of(n)}
    return {n for n in found if not n.startswith("__")}


def _of_standard_library(kind: str, module: str) -> set[str]:
    """Members of a built-in type, and of a module of the standard library."""
    builtin = getattr(builtins, kind, None)
    found = set(dir(builtin)) if isinstance(builtin, type) else set()
    known = module in sys.modules and module in sys.stdlib_module_names
    return found | set(dir(sys.modules[module])) if known else found


@template("TypeError")
def argument(place: Place) -> Changes:
    """A keyword that is called otherwise, an argument that was not handed on, a parameter without its default."""
    if match := UNEXPECTED.search(place.message):
        yield from _renamed(place, match[1], match[2])
    elif match := ABSENT.search(place.message):
        yield from _handed_on(place, match[1], match[2])
        yield from _defaulted(place, match[1], match[2])


def functions(place: Place, wanted: str) -> Iterator[tuple[str, Function]]:
    """(path, function) of the program's functions and methods of this name; of classes in classes, ``__init__``."""
    for path, module in modules(place):
        for owner in [module, *classes_of(module)]:
            for node in owner.body:
                if isinstance(node, Function) and node.name == wanted:
                    yield path, node
                if isinstance(node, ast.ClassDef) and wanted == "__init__":
                    yield from ((path, n) for n in node.body if isinstance(n, ast.FunctionDef) and n.name == wanted)


def _renamed(place: Place, function: str, wrong: str) -> Changes:
    parameters = {a.arg for _, n in functions(place, function) for a in n.args.args + n.args.kwonlyargs}
    for near in difflib.get_close_matches(wrong, sorted(parameters), 2, 0.5):
        for node in [n for n in place.expressions(ast.keyword) if n.arg == wrong]:
            said = Said("", f"{function} has the parameter {near}", 0.88)
            text = place.replace(node, f"{near}={place.source(node.value)}")
            yield change(place, text, f"The argument is called {near}.", said)
    yield from _only_free(place, function, wrong)


def _only_free(place: Place, function: str, wrong: str) -> Changes:
    """The one required parameter that the call leaves without a value."""
    calls = [n for n in failing(place, ast.Call) if called(n) == function or function == "__init__"]
    words = [(n, k) for n in calls for k in n.keywords if k.arg == wrong]
    for (call, word), (_, target) in product(words, list(functions(place, function))):
        free = _without_value(call, target)
        if len(free) == 1 and not target.args.kwarg:
            said = Said("", f"{function} needs {free[0]}, which alone has no value", 0.88)
            text = place.replace(word, f"{free[0]}={place.source(word.value)}")
            yield change(place, text, f"The argument is called {free[0]}.", said)


def _without_value(call: ast.Call, target: Function) -> list[str]:
    """Required parameters that the call does not give."""
    names = [a.arg for a in target.args.args if a.arg not in ("self", "cls")]
    names = names[len(call.args) :] + [a.arg for a in target.args.kwonlyargs]
    given = {k.arg for k in call.keywords} | set(defaults(target))
    return [n for n in names if n not in given]


def _handed_on(place: Place, function: str, wanted: str) -> Changes:
    """The caller has a value of the very name."""
    given = _at_hand(place, wanted)
    for node in failing(place, ast.Call) if given else ():
        if called(node) == function or function == "__init__":
            text = place.source(node)[:-1].rstrip().rstrip(",")
            comma = "" if text.endswith("(") else ", "
            said = Said("", f"the caller has {given}", 0.87)
            yield change(place, place.replace(node, f"{text}{comma}{wanted}={given})"), f"{wanted} is handed on.", said)


def _at_hand(place: Place, wanted: str) -> str:
    """How the caller names its own value of this name: a member, a variable or a parameter; empty: it has none."""
    if wanted in _own_members(place):
        return f"self.{wanted}"
    local = {n.id for n in stores(place.scope)}
    local |= {a.arg for a in place.function.args.args + place.function.args.kwonlyargs} if place.function else set()
    return wanted if wanted in local else ""


def _defaulted(place: Place, function: str, wanted: str) -> Changes:
    """The parameter's default, as its documentation gives it."""
    for path, node in functions(place, function):
        argument = next((a for a in node.args.args + node.args.kwonlyargs if a.arg == wanted), None)
        if argument is not None and _may_have_default(node, wanted):
            there = inside(place, path, node)
            for said in documented(there, words_of(wanted)):
                gap = " = " if argument.annotation else "="
                new = there.replace(argument, f"{there.source(argument)}{gap}{said.value}")
                yield change(there, new, f"{wanted} is optional: {said.value} by default.", said)


def _may_have_default(function: Function, wanted: str) -> bool:
    """All parameters after it have one."""
    names = [a.arg for a in function.args.args]
    after = names[names.index(wanted) + 1 :] if wanted in names else []
    return set(after) <= set(defaults(function))

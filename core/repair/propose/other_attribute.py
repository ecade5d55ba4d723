"""Replaces an attribute by another one of the object: similar spelling, one level further, or a mapping's entry."""

from __future__ import annotations

import ast
import builtins
import re
import sys

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, members_of
from core.repair.localize.syntax import classes_of, last_name, nodes
from core.repair.propose.base import Changes, Clue, change, failing, module_names, modules
from core.repair.propose.imports import REMOVED, with_import
from core.repair.propose.other_name import likely, near
from core.repair.propose.registry import operator
from core.repair.types import Evidence

LACKING = re.compile(
    r"(?:'(?P<type>[\w.]+)' object|module '(?P<module>[\w.]+)'|type object '(?P<cls>[\w.]+)')"
    r" has no attribute '(?P<name>\w+)'"
)
# names that Python 3 renamed or removed: the new call, with {0} the object and {1} the arguments
RENAMED = {
    ("dict", "iteritems"): "{0}.items()", ("dict", "itervalues"): "{0}.values()", ("dict", "iterkeys"): "{0}.keys()",
    ("dict", "has_key"): "({1} in {0})", ("generator", "next"): "next({0})", ("list_iterator", "next"): "next({0})",
    ("Thread", "isAlive"): "{0}.is_alive()", ("array", "tostring"): "{0}.tobytes()",
    ("array", "fromstring"): "{0}.frombytes({1})", ("Element", "getchildren"): "list({0})",
    ("Element", "getiterator"): "{0}.iter({1})", ("list", "add"): "{0}.append({1})", ("set", "append"): "{0}.add({1})",
}  # fmt: skip


@operator("AttributeError")
def had(place: Place) -> Changes:
    """Use a similarly spelled attribute of the object, its class or the module."""
    match = LACKING.search(place.message)
    if not match or match["type"] == "NoneType":
        return
    kind = (match["type"] or match["cls"] or match["module"]).rsplit(".", 1)[-1]
    for node in [n for n in failing(place, ast.Attribute) if n.attr == match["name"]]:
        base, known = place.source(node.value), _attributes(place, node, kind, match["module"] or "")
        yield from _renamed(place, node, kind, match["module"] or "")
        close = [] if node.attr in known else near(node.attr, known)  # an attribute that is set later is not misspelled
        for name, clue in likely(node.attr, close, f"{kind} has {{}}, not {node.attr}", Evidence.TYPE):
            yield change(place, place.replace(node, f"{base}.{name}"), f"The attribute is called {name}.", clue)
        yield from _further(place, node, known)
        value = place.value(node.value)
        if isinstance(value, dict) and node.attr in value:
            clue = Clue("", f"{base} is a mapping that holds {node.attr!r}", Evidence.TYPE)
            yield change(
                place, place.replace(node, f'{base}["{node.attr}"]'), "An entry of the mapping is meant.", clue
            )


def _renamed(place: Place, node: ast.Attribute, kind: str, module: str) -> Changes:
    """Use the replacement that the documentation of Python 3 gives for a removed name."""
    if (module, node.attr) in REMOVED:
        new, line = REMOVED[module, node.attr]
        clue = Clue("", f"{module}.{node.attr} was removed in favour of {new}", Evidence.DOCUMENTED)
        yield change(place, with_import(place, line, place.replace(node, new)), f"{node.attr} is {new} now.", clue)
    for call in [n for n in place.expressions(ast.Call) if n.func is node]:
        base = place.source(node.value)
        if (kind, node.attr) in (("str", "decode"), ("bytes", "encode")):
            clue = Clue("", f"the value is {kind} already", Evidence.TYPE)
            yield change(place, place.replace(call, base), f"{base} is {kind} already.", clue)
        elif form := RENAMED.get((kind, node.attr)):
            new = form.format(base, ", ".join(map(place.source, call.args)))
            clue = Clue("", f"a {kind} has no {node.attr}; {new} does the same", Evidence.DOCUMENTED)
            yield change(place, place.replace(call, new), f"A {kind} has no {node.attr}.", clue)


def _attributes(place: Place, node: ast.Attribute, kind: str, home: str) -> set[str]:
    """The object's attributes: as observed, from its class in the repository, or from the standard library."""
    builtin = getattr(builtins, kind, None)
    found = set(place.members(node.value)) | (set(dir(builtin)) if isinstance(builtin, type) else set())
    if home in sys.modules and home in sys.stdlib_module_names:
        found |= set(dir(sys.modules[home]))
    for path, module in modules(place):
        if home and path.removesuffix(".py").replace("/", ".").endswith(home):
            found |= module_names(module)
        found |= {m for owner in classes_of(module) if owner.name == kind for m in members_of(owner)}
    return {name for name in found if not name.startswith("__")}


def _further(place: Place, node: ast.Attribute, known: set[str]) -> Changes:
    """Use ``order.customer.email`` instead of ``order.email``: a part of the object has the attribute."""
    base = place.source(node.value)
    classes = [c for _, module in modules(place) for c in classes_of(module)]
    having = {c.name for c in classes if node.attr in members_of(c)}
    for middle in sorted(known):
        plain = middle.replace("_", "").lower()
        if _field_type(place, middle) in having or plain in map(str.lower, having):
            clue = Clue("", f"{middle} of {base} has {node.attr}", Evidence.TYPE)
            text = place.replace(node, f"{base}.{middle}.{node.attr}")
            yield change(place, text, f"{node.attr} is of the {middle}.", clue)


def _field_type(place: Place, field: str) -> str:
    """The type of a field or variable, by its annotation or by the call that makes it."""
    for _, module in modules(place):
        for node in nodes(module, ast.AnnAssign, ast.Assign):
            if isinstance(node, ast.AnnAssign) and last_name(node.target) == field:
                return ast.unparse(node.annotation).strip("'\"")
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and last_name(node.targets[0]) == field
            ):
                return called(node.value)
    return ""

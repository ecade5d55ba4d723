"""A key that is not there, by what the program says of it: where else it lies, who writes it, what it begins as."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import product

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import (
    Function,
    class_around,
    functions_in,
    identifier,
    nodes,
    receiver,
    targets_of,
)
from core.repair.propose.base import Changes, change, inside
from core.repair.propose.documentation import STAYS, Said, documented, sentences, words_of
from core.repair.propose.evidence import modules
from core.repair.propose.keys import lookups, repr_like
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing

DEPTH = 3
QUOTE = '"'
_EMPTY = {"append": "[]", "extend": "[]", "insert": "[]", "add": "set()", "update": "{}", "setdefault": "{}"}


# --- the key lies elsewhere ----------------------------------------------------------------------


@template("KeyError")
def moved(place: Place) -> Changes:
    """``event["customer"]`` where ``event["data"]["customer"]`` holds it: one level off, further in or out."""
    for node, missing in lookups(place):
        for base in _outwards(node) if isinstance(node.slice, ast.Constant) else ():
            if found := list(_paths(place.value(base), missing)):
                text = place.source(base) + "".join(f"[{repr_like(QUOTE, step)}]" for step in found[0])
                new = f"{text}[{place.source(node.slice)}]"
                said = Said("", f"{text} holds {missing!r}", 0.88) if len(found) == 1 else None
                yield change(place, place.replace(node, new), f"{missing!r} lies in {text}.", said)
                break


def _outwards(node: ast.Subscript) -> Iterator[ast.expr]:
    """What is looked in, then what that lies in: ``a["b"]``, ``a``."""
    base = node.value
    yield base
    while isinstance(base, ast.Subscript):
        base = base.value
        yield base


def _paths(value: object, key: object, depth: int = DEPTH) -> Iterator[tuple[str, ...]]:
    """Ways by text keys to the mappings that hold the key."""
    if not isinstance(value, dict) or not depth:
        return
    if key in value:
        yield ()
        return
    for name, inner in value.items():
        if isinstance(name, str):
            yield from ((name, *rest) for rest in _paths(inner, key, depth - 1))


# --- the key has another name --------------------------------------------------------------------


@template("KeyError")
def renamed(place: Place) -> Changes:
    """The one entry that the program writes and never reads, for a key that it reads and never writes."""
    for node, missing in lookups(place):
        held = place.value(node.value)
        if isinstance(node.slice, ast.Constant) and isinstance(missing, str) and isinstance(held, dict):
            for key, said in _other_names(place, missing, held):
                new = repr_like(place.source(node.slice), key)
                yield change(place, place.replace(node.slice, new), f"The key is {key!r} now.", said)


def _other_names(place: Place, missing: str, held: dict) -> Iterator[tuple[str, Said | None]]:
    """Keys that may be the missing one's new name: an abbreviation of it, or the only one that nothing reads."""
    written = _written(place)
    unread = set() if missing in written else written - _read(place)
    only = len(unread & set(held)) == 1
    for key in [k for k in held if isinstance(k, str)]:
        spare, near = key in unread, _abbreviates(missing, key) or _abbreviates(key, missing)
        if near or (spare and only):
            says = f"the mapping holds {key!r}, which nothing reads; nothing writes {missing!r}"
            yield key, Said("", says, 0.9 if near else 0.84) if spare else None


def _abbreviates(short: str, long: str) -> bool:
    """qty and quantity, email and email_address: the letters of one come in order in the other."""
    if len(short) < 2 or len(short) >= len(long) or short[0].lower() != long[0].lower():
        return False
    letters = iter(long.lower())
    return all(letter in letters for letter in short.lower())


def _written(place: Place) -> set[object]:
    return {key for _, module in modules(place) for node in ast.walk(module) for key in _keys_written(node)}


def _keys_written(node: ast.AST) -> list[object]:
    """Keys that a mapping, a store or a keyword argument gives a value."""
    if isinstance(node, ast.Dict):
        return [k.value for k in node.keys if isinstance(k, ast.Constant)]
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return [getattr(node.slice, "value", None)]
    return [node.arg] if isinstance(node, ast.keyword) and node.arg else []


def _read(place: Place) -> set[object]:
    return {key for _, module in modules(place) for node in ast.walk(module) for key in _keys_read(node)}


def _keys_read(node: ast.AST) -> list[object]:
    """Keys that ``row["key"]``, ``get`` and ``pop`` look up."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return [getattr(node.slice, "value", None)]
    got = isinstance(node, ast.Call) and called(node) in ("get", "pop") and node.args
    return [getattr(node.args[0], "value", None)] if isinstance(node, ast.Call) and got else []


@template("KeyError")
def reordered(place: Place) -> Changes:
    """A pair that the table holds in order, asked for in another."""
    for node, missing in lookups(place):
        keys = _pairs(place, node.value)
        if not (isinstance(node.slice, ast.Tuple) and isinstance(missing, tuple) and tuple(reversed(missing)) in keys):
            continue
        if all(tuple(sorted(k)) == k for k in keys):
            new = f"tuple(sorted({_in_brackets(place.source(node.slice))}))"
            said = Said("", "every pair of the table is in order, and holds for both", 0.88)
            yield change(place, place.replace(node.slice, new), "The pair is looked up in the table's order.", said)


def _in_brackets(text: str) -> str:
    return text if text.startswith("(") else f"({text})"


def _pairs(place: Place, node: ast.expr) -> list[tuple]:
    held = place.value(node)
    keys = list(held) if isinstance(held, dict) else []
    return keys if keys and all(isinstance(k, tuple) and len(k) == len(keys[0]) for k in keys) else []


# --- what stands for it --------------------------------------------------------------------------


@template("KeyError")
def fallback(place: Place) -> Changes:
    """The table's own fallback, a table of defaults, or the key itself where it is to stay as it is."""
    for node, _ in lookups(place):
        base, key = place.source(node.value), place.source(node.slice)
        for said in [*_of_table(place, base), *_of_defaults(place, node), *_itself(place, node, key)]:
            text = place.replace(node, f"{base}.get({key}, {said.value})")
            yield change(place, text, f"{key} may be missing in {base}: {said.value} stands for it.", said)


def _of_table(place: Place, base: str) -> Iterator[Said]:
    """``TABLE.get(x, TABLE["other"])`` of another place; a mapping that a function is given is no table."""
    own = {n.arg for n in nodes(place.function, ast.arg)} if place.function else set()
    if base in own or not base.isidentifier():
        return
    for node in nodes(place.module, ast.Call):
        asks = called(node) == "get" and len(node.args) == 2 and identifier(receiver(node)) == base
        if asks and not ast.unparse(node.args[1]).islower():
            yield Said(place.source(node.args[1]), f"{place.path}:{node.lineno} gives {base} this fallback", 0.9)


def _of_defaults(place: Place, node: ast.Subscript) -> Iterator[Said]:
    """``DEFAULTS["queue"]`` for a missing "queue"."""
    key = node.slice.value if isinstance(node.slice, ast.Constant) else None
    for name, held in _tables_of_defaults(place.module):
        if place.source(node.value) != name and key in {getattr(k, "value", None) for k in held.keys}:
            yield Said(f"{name}[{place.source(node.slice)}]", f"{name} holds the default of {key!r}", 0.91)


def _tables_of_defaults(module: ast.Module) -> Iterator[tuple[str, ast.Dict]]:
    """Mappings of the module that are called defaults or fallbacks."""
    for statement in [n for n in module.body if isinstance(n, ast.Assign)]:
        name, held = identifier(statement.targets[0]), statement.value
        if isinstance(held, ast.Dict) and re.search(r"default|fallback", name, re.I):
            yield name, held


def _itself(place: Place, node: ast.Subscript, key: str) -> Iterator[Said]:
    about = words_of(place.source(node), place.function.name if place.function else "")
    told = [s for s in sentences(place, about) if STAYS.search(s.text)]
    if told and not isinstance(node.slice, ast.Constant):
        yield Said(key, f"the documentation says: {told[0].text[:200]}", told[0].trust)


@template("KeyError")
def one_branch(place: Place) -> Changes:
    """A key that another function sets on one of its ways only: what its documentation gives for the others."""
    texts = {missing for _, missing in lookups(place) if isinstance(missing, str)}
    for missing, (path, module) in product(texts, modules(place)):
        for function in functions_in(module):
            for branch, base in _setting(function, missing):
                there = inside(place, path, function)
                for said in documented(there, words_of(missing)):
                    text = there.before(branch, f'{base}["{missing}"] = {said.value}')
                    yield change(there, text, f"{function.name} sets {missing!r} on every way.", said)


def _setting(function: Function, key: str) -> Iterator[tuple[ast.stmt, str]]:
    """Branches at the top of the function that set the key, with what they set it in."""
    for branch in [n for n in function.body if isinstance(n, ast.If)]:
        for node in nodes(branch, ast.Subscript):
            named = isinstance(node.value, ast.Name) and getattr(node.slice, "value", None) == key
            if named and isinstance(node.ctx, ast.Store):
                yield branch, identifier(node.value)


# --- gathering -----------------------------------------------------------------------------------


@template("KeyError")
def gathered(place: Place) -> Changes:
    """``counts[x] += 1`` and ``groups[x].append(y)`` in a mapping that began empty and is filled here alone."""
    statement = place.statement
    if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Subscript):
        yield from _summed(place, statement, statement.target)
        return
    for node in failing(place, ast.Subscript):
        empty = _use(place, node)
        if empty and isinstance(node.ctx, ast.Load):
            base, key = place.source(node.value), place.source(node.slice)
            says = f"{base} begins empty: the first {key} starts at {empty}."
            new = f"{base}.setdefault({key}, {empty})"
            yield change(place, place.replace(node, new), says, _began_empty(place, node))


def _summed(place: Place, statement: ast.AugAssign, target: ast.Subscript) -> Changes:
    """``counts[x] = counts.get(x, 0) + 1``."""
    neutral = _neutral(place, statement.value)
    base, key = place.source(target.value), place.source(target.slice)
    sign = {"Add": "+", "Sub": "-"}.get(type(statement.op).__name__)
    if neutral and sign:
        new = f"{base}[{key}] = {base}.get({key}, {neutral}) {sign} {place.source(statement.value)}"
        says = f"{base} begins empty: the first {key} starts at {neutral}."
        yield change(place, place.replace(statement, new), says, _began_empty(place, target))


def _neutral(place: Place, value: ast.expr) -> str:
    kind = place.kind(value)
    if isinstance(value, ast.List | ast.ListComp) or kind == "list":
        return "[]"
    if isinstance(value, ast.JoinedStr) or kind == "str":
        return '""'
    return "0" if kind in ("int", "float", "bool", "") else ""


def _use(place: Place, node: ast.Subscript) -> str:
    """What the entry begins as, by what is done with it."""
    for outer in ast.walk(place.statement) if place.statement else ():
        if isinstance(outer, ast.Attribute) and outer.value is node and outer.attr in _EMPTY:
            return _EMPTY[outer.attr]
        if isinstance(outer, ast.Subscript) and outer.value is node and isinstance(outer.ctx, ast.Store):
            return "{}"
    return ""


def _began_empty(place: Place, node: ast.Subscript) -> Said | None:
    """The mapping is made empty by the same function or class, and nothing else sets its entries."""
    base, scope = ast.unparse(node.value), place.scope
    if base.startswith("self."):
        scope = class_around(place.module, place.function) or scope
    begun = any(_makes_empty(n, base) for n in ast.walk(scope))
    entries = [n for n in nodes(scope, ast.Subscript) if ast.unparse(n.value) == base]
    alone = all(n.lineno == node.lineno for n in entries if isinstance(n.ctx, ast.Store))
    return Said("", f"{base} begins empty and is filled by this line alone", 0.92) if begun and alone else None


def _makes_empty(node: ast.AST, base: str) -> bool:
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return False
    value = node.value
    if isinstance(value, ast.Call) and called(value) == "setdefault" and len(value.args) == 2:
        value = value.args[1]
    return ast.unparse(targets_of(node)[0]) == base and ast.unparse(value) in ("{}", "dict()")

"""A key that the table's own writers, readers and neighbours know better: its form, its entry, where else it lies."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, module_of
from core.repair.localize.syntax import Function, identifier, last_name, nodes, targets_of
from core.repair.propose.base import Changes, at, change
from core.repair.propose.documentation import Said
from core.repair.propose.evidence import modules
from core.repair.propose.imports import with_import
from core.repair.propose.keys import lookups, repr_like
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing

NEAR = 0.7
QUOTE = '"'  # of a key, where the table shows none


# --- the form in which it is written ---------------------------------------------------------------


@template("KeyError")
def as_written(place: Place) -> Changes:
    """``table[name]`` where others write or ask for ``table[name.lower()]``, or a pair in another order."""
    for node, _ in lookups(place):
        base, key = ast.unparse(node.value), ast.unparse(node.slice)
        forms = {ast.unparse(k): line for k, line in _uses(place, base) if ast.unparse(k) != key}
        found = {form: line for k, line in forms.items() if (form := _for(node.slice, k))}
        for form, line in found.items() if len(found) == 1 else ():
            said = Said("", f"{place.path}:{line} forms the keys of {base} so", 0.91)
            text = place.replace(node.slice, form)
            yield change(place, text, f"The keys of {base} have the form {form}.", said)


def _uses(place: Place, base: str) -> Iterator[tuple[ast.expr, int]]:
    """Keys by which the module writes to the mapping, or asks whether it holds them."""
    for node in nodes(place.module, ast.Subscript, ast.Compare):
        key, table = _written_or_asked(node)
        if key is not None and table is not None and ast.unparse(table) == base:
            yield key, node.lineno


def _written_or_asked(node: ast.Subscript | ast.Compare) -> tuple[ast.expr | None, ast.expr | None]:
    """(key, mapping) of ``table[key] = ...`` and ``key in table``."""
    if isinstance(node, ast.Subscript):
        return (node.slice, node.value) if isinstance(node.ctx, ast.Store) else (None, None)
    return (node.left, node.comparators[0]) if isinstance(node.ops[0], ast.In | ast.NotIn) else (None, None)


def _for(key: ast.expr, written: str) -> str:
    """The written form with this key's own name in it; the other order of the same names. Empty: neither."""
    form = ast.parse(written, mode="eval").body
    mine, theirs = _names(key), _names(form)
    if isinstance(key, ast.Tuple) and isinstance(form, ast.Tuple) and sorted(mine) == sorted(theirs):
        return written
    simple = isinstance(key, ast.Name | ast.Attribute) and len(theirs) == 1 and isinstance(form, ast.Call)
    return re.sub(rf"\b{theirs[0]}\b", lambda _: ast.unparse(key), written) if simple else ""


def _names(node: ast.expr) -> list[str]:
    return [n.id for n in nodes(node, ast.Name)]


# --- an entry that was forgotten -------------------------------------------------------------------


@template("KeyError")
def unlisted(place: Place) -> Changes:
    """A function named as the table's others are, for the very key that the table leaves out."""
    for node, missing in lookups(place):
        name = last_name(node.value)
        if not isinstance(missing, str) or not name:
            continue
        for path, held, entry in _unlisted_entries(place, name, missing):
            there, last = at(place, path), held.keys[-1]
            said = Said("", f"{path} defines {entry}, as it does the table's others, and leaves it out", 0.91)
            key = repr_like(there.source(last) if last else QUOTE, missing)
            new = f"{there.source(held.values[-1])}, {key}: {entry}"
            yield change(there, there.replace(held.values[-1], new), f"{name} has the entry {missing!r}.", said)


def _unlisted_entries(place: Place, name: str, missing: str) -> Iterator[tuple[str, ast.Dict, str]]:
    """(path, table, what the missing key stands for) of the tables of this name."""
    for path, module in modules(place):
        for held in _tables(module, name):
            if entry := _entry(module, held, missing):
                yield path, held, entry


def _tables(module: ast.Module, name: str) -> Iterator[ast.Dict]:
    for node in [n for n in module.body if isinstance(n, ast.Assign | ast.AnnAssign)]:
        if identifier(targets_of(node)[0]) == name and isinstance(node.value, ast.Dict):
            yield node.value


def _entry(module: ast.Module, held: ast.Dict, missing: str) -> str:
    """The name that stands to the missing key as each entry's does to its own; empty when none is defined."""
    pairs = [_named_entry(key, value) for key, value in zip(held.keys, held.values, strict=True)]
    formed = {_replaced(value, key, missing) for key, value in filter(None, pairs)}
    known = {n.name for n in module.body if isinstance(n, Function | ast.ClassDef)}
    sure = len(pairs) >= 2 and None not in pairs and len(formed) == 1
    return formed.pop() if sure and formed <= known else ""


def _named_entry(key: ast.expr | None, value: ast.expr) -> tuple[str, str] | None:
    """(key, name) of an entry ``"csv": export_csv``; None for any other."""
    if not isinstance(key, ast.Constant) or not isinstance(key.value, str) or not isinstance(value, ast.Name):
        return None
    return key.value, value.id


def _replaced(value: str, key: str, missing: str) -> str:
    def form(text: str) -> str:
        return re.sub(r"\W", "_", text)

    for change_case in (str, str.lower, str.upper, lambda text: text.title().replace("_", "")):
        old, new = change_case(form(key)), change_case(form(missing))
        if old in value:
            return value.replace(old, new, 1)
    return ""


# --- a reader that knows where it lies --------------------------------------------------------------


@template("KeyError")
def accessor(place: Place) -> Changes:
    """``event["user_id"]`` where a function of the program reads that key and, else, what stands for it."""
    for node, missing in lookups(place):
        if isinstance(node.slice, ast.Constant) and isinstance(node.value, ast.Name) and place.function:
            for path, name in _readers(place, missing):
                said = Said("", f"{name} in {path} reads {missing!r} and knows where else it lies", 0.9)
                text = place.replace(node, f"{name}({place.source(node.value)})")
                if path != place.path:
                    text = with_import(place, f"from {module_of(path)} import {name}", text)
                yield change(place, text, f"{name} reads {missing!r} of either form.", said)


def _readers(place: Place, key: object) -> Iterator[tuple[str, str]]:
    """(path, name) of the program's functions that read the key of either form."""
    for path, module in modules(place):
        for function in [n for n in module.body if isinstance(n, Function) and n is not place.function]:
            if _reads_otherwise(function, key):
                yield path, function.name


def _reads_otherwise(function: Function, key: object) -> bool:
    """It has one parameter, returns that parameter's entry, and under a condition something else of the parameter."""
    arguments = [*function.args.args, *function.args.kwonlyargs]
    results = [n.value for n in nodes(function, ast.Return) if n.value is not None]
    if len(arguments) != 1 or function.args.vararg or function.args.kwarg or len(results) < 2:
        return False
    name = arguments[0].arg
    own = (f"{name}[{key!r}]", f"{name}.get({key!r})")
    others = [r for r in results if ast.unparse(r) not in own]
    return len(others) == len(results) - 1 and all(name in _names(r) for r in others)


# --- placeholders -----------------------------------------------------------------------------------


@template("KeyError")
def placeholder(place: Place) -> Changes:
    """``"Hello {firstname}".format(first_name=...)``: the text names what is given otherwise."""
    missing = place.crash.exception.message.strip("'\"")
    for node in failing(place, ast.Call):
        if called(node) not in ("format", "format_map", "substitute"):
            continue
        given = {k.arg for k in node.keywords if k.arg} | _entries(place, node)
        words = sorted(name for name in given - {missing} if name.isidentifier()) if missing.isidentifier() else []
        for near in difflib.get_close_matches(missing, words, 2, NEAR):
            yield from _in_texts(place, missing, near)


def _entries(place: Place, node: ast.Call) -> set[str]:
    """Keys of the mappings that the call is given; those that a function writes out in what it returns."""
    given = [*(k.value for k in node.keywords if k.arg is None), *node.args]
    found = {key for value in given for key in _keys_of(place, value)}
    return {k for k in found if isinstance(k, str)}


def _keys_of(place: Place, value: ast.expr) -> list[object]:
    held = place.value(value)
    found = list(held) if isinstance(held, dict) else []
    if not isinstance(value, ast.Call):
        return found
    tops = [n for _, module in modules(place) for n in module.body if isinstance(n, Function)]
    written = [d for n in tops if n.name == called(value) for d in nodes(n, ast.Dict)]
    return [*found, *(k.value for d in written for k in d.keys if isinstance(k, ast.Constant))]


def _in_texts(place: Place, missing: str, near: str) -> Changes:
    name = re.escape(missing)
    pattern = re.compile(rf"(?<={{){name}(?=[}}!:.\[])|(?<=\$){name}\b|(?<=\${{){name}(?=}})")
    for path, module in modules(place):
        holding = [n for n in nodes(module, ast.Constant) if isinstance(n.value, str) and pattern.search(n.value)]
        if len(holding) == 1:
            there = at(place, path)
            said = Said("", f"the text names {missing}; what it is given is called {near}", 0.88)
            text = there.replace(holding[0], pattern.sub(lambda _: near, there.source(holding[0])))
            yield change(there, text, f"The text names {near}.", said)

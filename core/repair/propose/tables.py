"""A key that the table's own writers, readers and neighbours know better: its form, its entry, where else it lies."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import Function, called, module_of
from core.repair.propose.base import Changes, at, change
from core.repair.propose.evidence import Said, modules
from core.repair.propose.imports import with_import
from core.repair.propose.keys import lookups, repr_like
from core.repair.propose.suspects import failing

NEAR = 0.7


# --- the form in which it is written ---------------------------------------------------------------


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
    for node in ast.walk(place.module):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == base:
            yield node.slice, node.lineno
        asked = isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn)
        if asked and ast.unparse(node.comparators[0]) == base:
            yield node.left, node.lineno


def _for(key: ast.expr, written: str) -> str:
    """The written form with this key's own name in it; the other order of the same names. Empty: neither."""
    form = ast.parse(written, mode="eval").body
    mine, theirs = _names(key), _names(form)
    if isinstance(key, ast.Tuple) and isinstance(form, ast.Tuple) and sorted(mine) == sorted(theirs):
        return written
    simple = isinstance(key, ast.Name | ast.Attribute) and len(theirs) == 1 and isinstance(form, ast.Call)
    return re.sub(rf"\b{theirs[0]}\b", lambda _: ast.unparse(key), written) if simple else ""


def _names(node: ast.expr) -> list[str]:
    return [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]


# --- an entry that was forgotten -------------------------------------------------------------------


def unlisted(place: Place) -> Changes:
    """A function named as the table's others are, for the very key that the table leaves out."""
    for node, missing in lookups(place):
        name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        if not (isinstance(missing, str) and name):
            continue
        for path, module in modules(place):
            for held in _tables(module, name):
                if entry := _entry(module, held, missing):
                    there = at(place, path)
                    said = Said("", f"{path} defines {entry}, as it does the table's others, and leaves it out", 0.91)
                    new = f"{there.source(held.values[-1])}, {repr_like(there.source(held.keys[-1]), missing)}: {entry}"
                    text = there.replace(held.values[-1], new)
                    yield change(there, text, f"{name} has the entry {missing!r}.", said)


def _tables(module: ast.Module, name: str) -> Iterator[ast.Dict]:
    for node in module.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if getattr(target, "id", None) == name and isinstance(getattr(node, "value", None), ast.Dict):
            yield node.value


def _entry(module: ast.Module, held: ast.Dict, missing: str) -> str:
    """The name that stands to the missing key as each entry's does to its own; empty when none is defined."""
    pairs = [
        (k.value, v.id)
        for k, v in zip(held.keys, held.values, strict=True)
        if isinstance(k, ast.Constant) and isinstance(k.value, str) and isinstance(v, ast.Name)
    ]
    if len(pairs) < 2 or len(pairs) < len(held.keys):
        return ""
    formed = {_replaced(value, key, missing) for key, value in pairs}
    known = {n.name for n in module.body if isinstance(n, Function | ast.ClassDef)}
    return formed.pop() if len(formed) == 1 and formed <= known else ""


def _replaced(value: str, key: str, missing: str) -> str:
    def form(text: str) -> str:
        return re.sub(r"\W", "_", text)

    for change_case in (str, str.lower, str.upper, lambda text: text.title().replace("_", "")):
        old, new = change_case(form(key)), change_case(form(missing))
        if old in value:
            return value.replace(old, new, 1)
    return ""


# --- a reader that knows where it lies --------------------------------------------------------------


def accessor(place: Place) -> Changes:
    """``event["user_id"]`` where a function of the program reads that key and, else, what stands for it."""
    for node, missing in lookups(place):
        if not (isinstance(node.slice, ast.Constant) and isinstance(node.value, ast.Name) and place.function):
            continue
        for path, module in modules(place):
            for function in [n for n in module.body if isinstance(n, Function) and n is not place.function]:
                if _reads_otherwise(function, missing):
                    said = Said("", f"{function.name} in {path} reads {missing!r} and knows where else it lies", 0.9)
                    text = place.replace(node, f"{function.name}({place.source(node.value)})")
                    if path != place.path:
                        text = with_import(place, f"from {module_of(path)} import {function.name}", text)
                    yield change(place, text, f"{function.name} reads {missing!r} of either form.", said)


def _reads_otherwise(function: Function, key: object) -> bool:
    """It has one parameter, returns that parameter's entry, and under a condition something else of the parameter."""
    arguments = [*function.args.args, *function.args.kwonlyargs]
    results = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
    if len(arguments) != 1 or function.args.vararg or function.args.kwarg or len(results) < 2:
        return False
    name = arguments[0].arg
    plain = [r for r in results if ast.unparse(r) in (f"{name}[{key!r}]", f"{name}.get({key!r})")]
    others = [r for r in results if r not in plain]
    return len(plain) == 1 and all(name in _names(r) for r in others)


# --- placeholders -----------------------------------------------------------------------------------


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
    given = [k.value for k in node.keywords if k.arg is None] + list(node.args)
    found: set[str] = set()
    for value in given:
        held = place.value(value)
        found |= {k for k in held if isinstance(k, str)} if isinstance(held, dict) else set()
        for _, module in modules(place) if isinstance(value, ast.Call) else ():
            for function in [n for n in module.body if isinstance(n, Function) and n.name == called(value)]:
                written = [n for n in ast.walk(function) if isinstance(n, ast.Dict)]
                found |= {k.value for n in written for k in n.keys if isinstance(k, ast.Constant)}
    return {k for k in found if isinstance(k, str)}


def _in_texts(place: Place, missing: str, near: str) -> Changes:
    name = re.escape(missing)
    pattern = re.compile(rf"(?<={{){name}(?=[}}!:.\[])|(?<=\$){name}\b|(?<=\${{){name}(?=}})")
    for path, module in modules(place):
        texts = [n for n in ast.walk(module) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        holding = [n for n in texts if pattern.search(n.value)]
        if len(holding) == 1:
            there = at(place, path)
            said = Said("", f"the text names {missing}; what it is given is called {near}", 0.88)
            text = there.replace(holding[0], pattern.sub(lambda _: near, there.source(holding[0])))
            yield change(there, text, f"The text names {near}.", said)

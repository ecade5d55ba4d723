"""Adds missing imports, and replaces names that the standard library or a module no longer has."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from dataclasses import replace
from importlib import import_module
from itertools import takewhile

from core.repair.localize.locate import Place
from core.repair.localize.python2 import RENAMED
from core.repair.localize.sources import first_statement, module_of, tree_of
from core.repair.localize.syntax import (
    Function,
    functions_in,
    identifier,
    imported_name,
    importing,
    imports_of,
    is_text,
    last_line,
    names_in,
    nodes,
)
from core.repair.propose.base import Changes, Clue, change, module_names, modules
from core.repair.propose.registry import operator
from core.repair.types import Evidence

# (module, name it no longer has): (new expression, import line it needs)
REMOVED = {
    **{("collections", n): (f"collections.abc.{n}", "import collections.abc") for n in (
        "Mapping", "MutableMapping", "Sequence", "MutableSequence", "Iterable", "Iterator", "Callable", "Set",
        "MutableSet", "Hashable", "Sized", "Container", "Generator",
    )},
    ("time", "clock"): ("time.perf_counter", "import time"),
    ("string", "letters"): ("string.ascii_letters", "import string"),
    ("string", "lowercase"): ("string.ascii_lowercase", "import string"),
    ("string", "uppercase"): ("string.ascii_uppercase", "import string"),
    ("string", "maketrans"): ("str.maketrans", ""),
    ("inspect", "getargspec"): ("inspect.getfullargspec", "import inspect"),
    ("base64", "encodestring"): ("base64.encodebytes", "import base64"),
    ("base64", "decodestring"): ("base64.decodebytes", "import base64"),
    ("fractions", "gcd"): ("math.gcd", "import math"),
    ("cgi", "escape"): ("html.escape", "import html"),
    ("itertools", "izip"): ("zip", ""),
    ("itertools", "imap"): ("map", ""),
    ("itertools", "ifilter"): ("filter", ""),
    ("itertools", "izip_longest"): ("itertools.zip_longest", "import itertools"),
    ("sys", "maxint"): ("sys.maxsize", "import sys"),
    ("os", "getcwdu"): ("os.getcwd", "import os"),
    ("os", "errno"): ("errno", "import errno"),
    ("asyncio", "async"): ("asyncio.ensure_future", "import asyncio"),
}  # fmt: skip
# modules of the standard library whose names are usually imported one by one
HOMES = (
    "collections", "dataclasses", "pathlib", "datetime", "decimal", "functools", "itertools", "enum", "typing",
    "contextlib", "uuid", "math", "urllib.parse", "time", "html", "operator", "statistics", "io", "zoneinfo",
)  # fmt: skip


def home_of(name: str) -> str:
    """The module of HOMES that has the public name; empty if none does."""
    for home in HOMES if not name.startswith("_") else ():
        found = import_module(home)
        if name in getattr(found, "__all__", vars(found)):
            return home
    return ""


def with_import(place: Place, line: str, text: str | None = None) -> str:
    """``text`` (by default the place's) with one more import, after the last import of the module's head."""
    text = place.text if text is None else text
    if not line or re.search(rf"^{re.escape(line)}\s*$", text, re.M):
        return text
    if line == "import collections.abc":
        text = re.sub(r"^import collections$", line, text, count=1, flags=re.M)
    return text if line in text.splitlines() else _joined(line, text) or _after_head(line, text)


def _joined(line: str, text: str) -> str:
    """The text with the name added to an existing import of the same module; empty if there is none."""
    match = re.fullmatch(r"from ([\w.]+) import (\w+)", line)
    if not match:
        return ""
    same = re.compile(rf"^from {re.escape(match[1])} import (?!\()([\w, ]+?)[ \t]*$", re.M)

    def more(found: re.Match) -> str:
        return f"from {match[1]} import {', '.join(sorted({*re.split(', *', found[1]), match[2]}))}"

    return same.sub(more, text, 1) if same.search(text) else ""


def _after_head(line: str, text: str) -> str:
    """The import after the docstring and the imports that the text begins with."""
    head = list(takewhile(_is_head, tree_of(text).body))
    rows = text.splitlines(keepends=True)
    at = last_line(head[-1]) if head else 0
    gap = "" if any(not is_text(n) for n in head) else "\n"
    end = "\n" if gap and rows[at : at + 1] != ["\n"] else ""
    return "".join([*rows[:at], f"{gap}{line}\n{end}", *rows[at:]])


def _is_head(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) or is_text(node)


def missing(place: Place, wrong: str) -> Changes:
    """Imports of the name: from the standard library, as in another file, or from the module that defines it."""
    if wrong in sys.stdlib_module_names:
        clue = Clue("", f"{wrong} is a module of the standard library that is not imported", Evidence.DOCUMENTED)
        yield change(place, with_import(place, f"import {wrong}"), f"Import {wrong}.", clue)
    for path, module in modules(place):
        if path != place.path:
            yield from _as_elsewhere(place, wrong, path, module)
    if home := home_of(wrong):
        clue = Clue("", f"{wrong} is of the standard library's {home}", Evidence.DOCUMENTED, 1)
        yield change(place, with_import(place, f"from {home} import {wrong}"), f"Import {wrong}.", clue)


def _as_elsewhere(place: Place, wrong: str, path: str, module: ast.Module) -> Changes:
    for node in imports_of(module):
        for alias in [a for a in node.names if imported_name(a) == wrong][:1]:
            text = with_import(place, ast.unparse(importing(node, [alias])))
            clue = Clue("", f"{path} imports it so", Evidence.DOCUMENTED)
            yield change(place, text, f"Import {wrong}.", clue)
    defined = {n.name for n in module.body if isinstance(n, Function | ast.ClassDef)}
    defined |= {identifier(t) for n in module.body if isinstance(n, ast.Assign) for t in n.targets}
    if wrong in defined:
        text = with_import(place, f"from {module_of(path)} import {wrong}")
        yield change(place, text, f"Import {wrong}.", Clue("", f"{path} defines it", Evidence.TYPE))


@operator("ModuleNotFoundError")
def renamed(place: Place) -> Changes:
    """Import a module of the standard library under the name that Python 3 gave it (PEP 3108)."""
    match = re.search(r"No module named '([\w.]+)'", place.message)
    old = match[1] if match and match[1] in RENAMED else ""
    for node in imports_of(place.module) if old else ():
        line = _of_new_name(node, old)
        if line:
            clue = Clue("", f"Python 3 calls {old} {RENAMED[old]}", Evidence.DOCUMENTED)
            yield change(place, place.replace(node, line), f"The module is called {RENAMED[old]}.", clue)


def _of_new_name(node: ast.Import | ast.ImportFrom, old: str) -> str:
    """The import statement with the new name; empty if it does not import the old one alone."""
    if isinstance(node, ast.ImportFrom):
        return ast.unparse(ast.ImportFrom(RENAMED[old], node.names, 0)) if node.module == old else ""
    alone = len(node.names) == 1 and node.names[0].name == old
    return f"import {RENAMED[old]} as {node.names[0].asname or old}" if alone else ""


@operator("ImportError")
def circular(place: Place) -> Changes:
    """Import a name in the functions that use it, if its module imports this one in turn."""
    statement, names = place.statement, set()
    if isinstance(statement, ast.ImportFrom) and "partially initialized" in place.message:
        names = set(map(imported_name, statement.names))
    users = [f for f in functions_in(place.module) if names & names_in(ast.Module(f.body, []))]
    inside = {id(n) for f in users for part in f.body for n in ast.walk(part)}
    outside = [n for n in nodes(place.module, ast.Name) if n.id in names and id(n) not in inside]
    outer = [f for f in users if not any(f is not g and f in ast.walk(g) for g in users)]
    if statement is not None and outer and not outside:
        text = place.text
        for function in sorted(outer, key=lambda f: -f.lineno):
            first = first_statement(function)
            text = replace(place, text=text).before(first, ast.unparse(statement))
        clue = Clue("", "modules that import each other do so in their functions (Python's FAQ)", Evidence.DOCUMENTED)
        text = replace(place, text=text).replace(statement, "").replace("\n\n\n\n", "\n\n\n", 1)
        yield change(place, text, f"{', '.join(sorted(names))} is imported where it is used.", clue)


@operator("ImportError")
def imported(place: Place) -> Changes:
    """Correct ``from module import name`` of a name that the module does not have."""
    match = _NOT_THERE.search(place.message)
    if not match:
        return
    name, home = match[1], match[2]
    for path, module in modules(place):
        if path.removesuffix(".py").removesuffix("/__init__").replace("/", ".").endswith(home):
            for near in difflib.get_close_matches(name, sorted(module_names(module) - {name}), 2, 0.6):
                clue = Clue("", f"{path} defines {near}", Evidence.TYPE)
                yield change(place, re.sub(rf"\b{name}\b", near, place.text), f"The name is {near}.", clue)


_NOT_THERE = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")

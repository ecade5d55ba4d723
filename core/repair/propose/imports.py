"""Adds missing imports, and replaces names that the standard library or a module no longer has."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from importlib import import_module
from itertools import takewhile

from core.repair.localize.locate import Place
from core.repair.localize.sources import module_of, tree_of
from core.repair.localize.syntax import Function, identifier, imported_name, importing, imports_of, last_line
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
    gap = "" if any(not _is_text(n) for n in head) else "\n"
    end = "\n" if gap and rows[at : at + 1] != ["\n"] else ""
    return "".join([*rows[:at], f"{gap}{line}\n{end}", *rows[at:]])


def _is_head(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


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

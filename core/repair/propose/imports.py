"""Names that no import brings, and names that the standard library or a module no longer has."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from itertools import takewhile

from core.repair.localize.locate import Place
from core.repair.localize.python2 import RENAMED
from core.repair.localize.sources import module_of, tree_of
from core.repair.localize.syntax import Function, identifier, imported_name, importing, imports_of, last_line
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import Said
from core.repair.propose.evidence import modules
from core.repair.propose.registry import template

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
# names the standard library is usually imported by
USUAL = {
    "defaultdict": "collections", "Counter": "collections", "OrderedDict": "collections", "deque": "collections",
    "namedtuple": "collections", "dataclass": "dataclasses", "field": "dataclasses", "Path": "pathlib",
    "datetime": "datetime", "timedelta": "datetime", "timezone": "datetime", "date": "datetime", "Decimal": "decimal",
    "partial": "functools", "lru_cache": "functools", "wraps": "functools", "reduce": "functools", "chain": "itertools",
    "groupby": "itertools", "islice": "itertools", "Enum": "enum", "Any": "typing", "Optional": "typing",
    "contextmanager": "contextlib", "suppress": "contextlib", "uuid4": "uuid", "ceil": "math", "floor": "math",
    "sqrt": "math", "urlparse": "urllib.parse", "quote": "urllib.parse", "urlencode": "urllib.parse", "sleep": "time",
    "unescape": "html", "itemgetter": "operator", "mean": "statistics", "median": "statistics",
    "parse_qs": "urllib.parse", "urlsplit": "urllib.parse", "urljoin": "urllib.parse", "ROUND_HALF_UP": "decimal",
    "InvalidOperation": "decimal", "StringIO": "io", "BytesIO": "io", "ZoneInfo": "zoneinfo", "NamedTuple": "typing",
}  # fmt: skip


def with_import(place: Place, line: str, text: str | None = None) -> str:
    """``text`` (the place's own without one) with one more import, after the last of the module's head."""
    text = place.text if text is None else text
    if not line or re.search(rf"^{re.escape(line)}\s*$", text, re.M):
        return text
    if line == "import collections.abc":
        text = re.sub(r"^import collections$", line, text, count=1, flags=re.M)
    return text if line in text.splitlines() else _joined(line, text) or _after_head(line, text)


def _joined(line: str, text: str) -> str:
    """The name put into the import of the same module that is there already; empty when there is none."""
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
    """Imports that would bring the name: of the standard library, as another file has it, from where it is defined."""
    if wrong in sys.stdlib_module_names:
        said = Said("", f"{wrong} is a module of the standard library that is used here but not imported", 0.93)
        yield change(place, with_import(place, f"import {wrong}"), f"Import {wrong}.", said)
    if wrong in USUAL:
        called_on = any(
            isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == wrong
            for n in place.expressions(ast.Attribute)
        )
        said = Said("", f"{wrong} is of the standard library's {USUAL[wrong]}", 0.9 if called_on else 0.92)
        yield change(place, with_import(place, f"from {USUAL[wrong]} import {wrong}"), f"Import {wrong}.", said)
    yield from _elsewhere(place, wrong)


def _elsewhere(place: Place, wrong: str) -> Changes:
    for path, module in modules(place):
        for node in module.body if path != place.path else ():
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in [a for a in node.names if imported_name(a) == wrong][:1]:
                    said = Said("", f"{path} imports it so", 0.91)
                    text = with_import(place, ast.unparse(importing(node, [alias])))
                    yield change(place, text, f"Import {wrong}.", said)
            elif wrong in _defined(node):
                text = with_import(place, f"from {module_of(path)} import {wrong}")
                yield change(place, text, f"Import {wrong}.", Said("", f"{path} defines it", 0.89))


def _defined(node: ast.stmt) -> list[str]:
    """Names that a statement of the module defines: a function, a class, constants."""
    if isinstance(node, Function | ast.ClassDef):
        return [node.name]
    return [identifier(t) for t in node.targets if identifier(t)] if isinstance(node, ast.Assign) else []


@template("ImportError")
def imported(place: Place) -> Changes:
    """``from module import name`` of a name that the module does not have."""
    match = _NOT_THERE.search(place.message)
    if not match:
        return
    name, home = match[1], match[2]
    if (home, name) in REMOVED:
        yield from _moved(place, home, name)
    for path, module in modules(place):
        if path.removesuffix(".py").removesuffix("/__init__").replace("/", ".").endswith(home):
            for near in difflib.get_close_matches(name, _others(module, name), 2, 0.6):
                said = Said("", f"{path} defines {near}", 0.87)
                yield change(place, re.sub(rf"\b{name}\b", near, place.text), f"The name is {near}.", said)


_NOT_THERE = re.compile(r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")


def _others(module: ast.Module, name: str) -> list[str]:
    """What the module defines: functions and classes first, then constants."""
    named = sorted(module.body, key=lambda node: isinstance(node, ast.Assign))
    return [one for node in named for one in _defined(node) if one != name]


@template("ModuleNotFoundError")
def renamed(place: Place) -> Changes:
    """``from urlparse import urljoin``: the module has another name in Python 3."""
    match = re.search(r"No module named '([\w.]+)'", place.message)
    old = match[1] if match else ""
    for node in imports_of(place.module) if old in RENAMED else ():
        if line := _under_new_name(node, old):
            said = Said("", f"the standard library's {old} is called {RENAMED[old]} in Python 3", 0.93)
            yield change(place, place.replace(node, line), f"The module is {RENAMED[old]} now.", said)


def _under_new_name(node: ast.Import | ast.ImportFrom, old: str) -> str:
    """The import of the renamed module; empty when the statement imports another."""
    if isinstance(node, ast.ImportFrom):
        return ast.unparse(ast.ImportFrom(RENAMED[old], node.names, 0)) if node.module == old else ""
    first = node.names[0]
    return f"import {RENAMED[old]} as {first.asname or old}" if first.name == old else ""


def _moved(place: Place, module: str, name: str) -> Changes:
    new, _ = REMOVED[module, name]
    said = Said("", f"{module}.{name} was removed from the standard library in favour of {new}", 0.94)
    for node in [n for n in imports_of(place.module) if isinstance(n, ast.ImportFrom) and n.module == module]:
        for alias in [a for a in node.names if a.name == name][:1]:
            rest = [a for a in node.names if a.name != name]
            lines = [_of_new_home(alias, new), *([ast.unparse(ast.ImportFrom(module, rest, 0))] if rest else [])]
            yield change(place, place.replace(node, "\n".join(lines)), f"{name} is {new} now.", said)


def _of_new_home(alias: ast.alias, new: str) -> str:
    """The line that gives the alias's name to what replaces it."""
    home, _, last = new.rpartition(".")
    if not home:
        return f"{imported_name(alias)} = {new}"
    as_ = alias.asname or (alias.name if last != alias.name else None)
    return f"from {home} import {last}{f' as {as_}' if as_ else ''}"

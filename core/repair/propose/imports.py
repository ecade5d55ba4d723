"""Names that no import brings, and names that the standard library or a module no longer has."""

from __future__ import annotations

import ast
import difflib
import re
import sys

from core.repair.localize.locate import Place
from core.repair.localize.python2 import RENAMED
from core.repair.localize.sources import module_of
from core.repair.propose.base import Changes, change
from core.repair.propose.evidence import Said, modules

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
    if match := re.fullmatch(r"from ([\w.]+) import (\w+)", line):
        same = re.compile(rf"^from {re.escape(match[1])} import (?!\()([\w, ]+?)[ \t]*$", re.M)
        if same.search(text):
            return same.sub(
                lambda m: f"from {match[1]} import {', '.join(sorted({*re.split(', *', m[1]), match[2]}))}", text, 1
            )
    if line == "import collections.abc":
        text = re.sub(r"^import collections$", line, text, count=1, flags=re.M)
        if line in text:
            return text
    body = ast.parse(text).body
    head = []
    for node in body:
        if not (isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node)):
            break
        head.append(node)
    rows = text.splitlines(keepends=True)
    at = head[-1].end_lineno if head else 0
    gap = "" if any(not _is_text(n) for n in head) else "\n"
    return (
        "".join(rows[:at])
        + f"{gap}{line}\n"
        + ("" if gap == "" or rows[at : at + 1] == ["\n"] else "\n")
        + "".join(rows[at:])
    )


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
        if path == place.path:
            continue
        for node in module.body:
            if isinstance(node, ast.ImportFrom | ast.Import) and any((a.asname or a.name) == wrong for a in node.names):
                alias = next(a for a in node.names if (a.asname or a.name) == wrong)
                line = ast.unparse(type(node)(**{**vars(node), "names": [alias]}))
                yield change(
                    place, with_import(place, line), f"Import {wrong}.", Said("", f"{path} imports it so", 0.91)
                )
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name == wrong
            assigned = isinstance(node, ast.Assign) and any(getattr(t, "id", "") == wrong for t in node.targets)
            if named or assigned:
                line = f"from {module_of(path)} import {wrong}"
                yield change(place, with_import(place, line), f"Import {wrong}.", Said("", f"{path} defines it", 0.89))


def imported(place: Place) -> Changes:
    """``from module import name`` of a name that the module does not have."""
    match = re.search(
        r"cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'", place.crash.exception.message
    )
    if match and (match[2], match[1]) in REMOVED:
        yield from _moved(place, match[2], match[1])
    for path, module in modules(place) if match else ():
        if not path.removesuffix(".py").removesuffix("/__init__").replace("/", ".").endswith(match[2]):
            continue
        defined = [n.name for n in module.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
        defined += [
            t.id for n in module.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)
        ]
        for near in difflib.get_close_matches(match[1], [n for n in defined if n != match[1]], 2, 0.6):
            said = Said("", f"{path} defines {near}", 0.87)
            yield change(place, re.sub(rf"\b{match[1]}\b", near, place.text), f"The name is {near}.", said)


def renamed(place: Place) -> Changes:
    """``from urlparse import urljoin``: the module has another name in Python 3."""
    match = re.search(r"No module named '([\w.]+)'", place.crash.exception.message)
    new = RENAMED.get(match[1], "") if match else ""
    for node in [n for n in place.module.body if isinstance(n, ast.Import | ast.ImportFrom)] if new else ():
        if isinstance(node, ast.ImportFrom):
            line = ast.unparse(ast.ImportFrom(new, node.names, 0)) if node.module == match[1] else ""
        else:
            line = f"import {new} as {node.names[0].asname or match[1]}" if node.names[0].name == match[1] else ""
        if line:
            said = Said("", f"the standard library's {match[1]} is called {new} in Python 3", 0.93)
            yield change(place, place.replace(node, line), f"The module is {new} now.", said)


def _moved(place: Place, module: str, name: str) -> Changes:
    new, _ = REMOVED[module, name]
    said = Said("", f"{module}.{name} was removed from the standard library in favour of {new}", 0.94)
    for node in place.module.body:
        if isinstance(node, ast.ImportFrom) and node.module == module and any(a.name == name for a in node.names):
            rest = [a for a in node.names if a.name != name]
            alias = next(a for a in node.names if a.name == name)
            home, last = new.rsplit(".", 1) if "." in new else ("", new)
            as_ = alias.asname or (name if last != name else None)
            lines = [f"from {home} import {last}{f' as {as_}' if as_ else ''}"] if home else [f"{as_ or name} = {new}"]
            lines += [ast.unparse(ast.ImportFrom(module, rest, 0))] if rest else []
            yield change(place, place.replace(node, "\n".join(lines)), f"{name} is {new} now.", said)

"""Idioms of the standard library that work until the day they meet the input they forgot."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, first_statement, module_of
from core.repair.localize.syntax import class_around, documentation, nodes
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import Said, saying, skipping, words_of
from core.repair.propose.evidence import modules
from core.repair.propose.imports import with_import
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing


def docs(place: Place) -> str:
    """All documentation near the place: module, class and function."""
    around = [place.module, class_around(place.module, place.function), place.function]
    return " ".join(documentation(node) for node in around if node is not None)


def told(place: Place, words: str, confidence: float = 0.88) -> Said | None:
    """Evidence, when the documentation holds the words."""
    found = saying(words, docs(place))
    return Said("", f"the documentation says: {found[:160]}", confidence) if found else None


@template("Error")
def padding(place: Place) -> Changes:
    """Base64 text whose padding was cut off, as in URLs and tokens."""
    if "padding" not in place.message:
        return
    said = Said("", "base64 texts from URLs and tokens come without padding; it is put back", 0.88)
    for node in failing(place, ast.Call):
        if "b64decode" in called(node) and node.args:
            text = place.source(node.args[0])
            fill = 'b"="' if place.kind(node.args[0]) == "bytes" else '"="'
            new = place.replace(node.args[0], f"{text} + {fill} * (-len({text}) % 4)")
            yield change(place, new, "The padding is put back.", said)


_WITHOUT = r"\b(without|no|none|missing|null|unknown|un\w+|lack|lacking|not|empty|those)\b"


@template("TypeError")
def sort_none(place: Place) -> Changes:
    """Sorting by something that may be None: to the end, or to the front, as documented."""
    if "NoneType" not in place.message or "not supported between" not in place.message:
        return
    last = told(place, rf"{_WITHOUT}[^.;,\n]*(\blast\b|at the end|\bbottom\b)", 0.9)
    first = told(place, rf"{_WITHOUT}[^.;,\n]*(\bfirst\b|at the (top|front|start))", 0.9)
    for node in [n for n in failing(place, ast.Call) if called(n) in ("sorted", "sort")]:
        for to_end, said in ((True, last), (False, first)):
            test = "is None" if to_end != _is_reversed(node) else "is not None"
            if text := _sorted(place, node, test):
                yield change(place, text, f"Those without a value come {'last' if to_end else 'first'}.", said)


def _is_reversed(node: ast.Call) -> bool:
    return any(k.arg == "reverse" and getattr(k.value, "value", None) is True for k in node.keywords)


def _sorted(place: Place, node: ast.Call, test: str) -> str | None:
    """The file's text with a sorting that first asks for None; None when its key cannot be read."""
    key = next((k.value for k in node.keywords if k.arg == "key"), None)
    if key is None:
        comma = ", " if node.args or node.keywords else ""
        return place.replace(node, f"{_opened(place, node)}{comma}key=lambda value: (value {test}, value))")
    if isinstance(key, ast.Lambda):
        return place.replace(key.body, _tested(place, key.body, test))
    if isinstance(key, ast.Call) and called(key) in ("itemgetter", "attrgetter") and len(key.args) == 1:
        field = place.source(key.args[0])
        read = f"row[{field}]" if called(key) == "itemgetter" else f"row.{ast.literal_eval(key.args[0])}"
        return place.replace(key, f"lambda row: ({read} {test}, {read})")
    return None


def _tested(place: Place, body: ast.expr, test: str) -> str:
    """What a key gives, each part after whether it is None."""
    if not isinstance(body, ast.Tuple) or len(body.elts) == 1:
        part = place.source(body.elts[0] if isinstance(body, ast.Tuple) else body)
        return f"({part} {test}, {part})"
    pairs = (f"({part} {test}, {part})" for part in map(place.source, body.elts))
    return f"({', '.join(pairs)})"


def _opened(place: Place, node: ast.Call) -> str:
    """The call's text without its closing bracket, for one more argument."""
    return place.source(node)[:-1].rstrip().rstrip(",")


@template("TypeError")
def without_none(place: Place) -> Changes:
    """A figure of values some of which are None: they are left out, where the documentation says so."""
    function = place.function
    if "NoneType" not in place.message or function is None:
        return
    parameters = {a.arg for a in nodes(function.args, ast.arg)}
    for node in failing(place, ast.Name):
        value = place.value(node)
        if node.id in parameters and isinstance(value, list | tuple) and None in value:
            said = skipping(place, words_of(node.id, function.name))
            line = f"{node.id} = [value for value in {node.id} if value is not None]"
            text = place.before(first_statement(function), line)
            yield change(place, text, f"None among {node.id} is left out.", said)


@template("TypeError")
def encoder(place: Place) -> Changes:
    """JSON of what JSON does not know: as a sibling does it, else as the documentation says."""
    found = re.search(r"Object of type (\w+) is not JSON serializable", place.message)
    if not found:
        return
    for node in [n for n in failing(place, ast.Call) if called(n) in ("dumps", "dump")]:
        options = [*_sibling_options(place, node), *_known_options(place, found[1])]
        for option, line, said in options:
            text = place.replace(node, f"{_opened(place, node)}, {option})")
            yield change(place, with_import(place, line, text), f"{found[1]} is written by {option}.", said)


Option = tuple[str, str, Said | None]  # argument, import line that it needs, evidence


def _sibling_options(place: Place, node: ast.Call) -> Iterator[Option]:
    """``default=`` or ``cls=`` of other calls, and encoders that the program defines."""
    for path, module in modules(place):
        for other in nodes(module, ast.Call, ast.ClassDef):
            if isinstance(other, ast.Call):
                yield from _options_of(place, path, other) if other is not node else ()
            elif any("JSONEncoder" in ast.unparse(base) for base in other.bases):
                line = _import_of(place, path, other.name)
                yield f"cls={other.name}", line, Said("", f"{path} has this encoder", 0.91)


def _options_of(place: Place, path: str, call: ast.Call) -> Iterator[Option]:
    """How another call writes JSON."""
    if called(call) not in ("dumps", "dump"):
        return
    for keyword in [k for k in call.keywords if k.arg in ("default", "cls")]:
        name = ast.unparse(keyword.value)
        said = Said("", f"{path}:{call.lineno} writes JSON so", 0.91)
        yield f"{keyword.arg}={name}", _import_of(place, path, name), said


def _import_of(place: Place, path: str, name: str) -> str:
    """The line that imports the name of another file; empty where none is needed."""
    known = path == place.path or not name.isidentifier() or name == "str"
    return "" if known else f"from {module_of(path)} import {name}"


def _known_options(place: Place, kind: str) -> Iterator[Option]:
    """Arguments for what the standard library has a text or a list for, as the documentation says."""
    if kind == "datetime":
        yield _iso_option(place)
    for kinds, option, words, trust in _OPTIONS:
        if kind in kinds:
            yield option, "", told(place, words, trust)
    if kind in ("date", "time"):
        yield "default=str", "", told(place, r"\bISO\b") or told(place, r"as text|as strings?", 0.84)
    elif kind in ("UUID", "PosixPath", "IPv4Address"):
        yield "default=str", "", Said("", f"{kind} has one text", 0.84)


_OPTIONS = (
    (("datetime",), "default=str", r"as text|as strings?", 0.84),
    (("Decimal",), "default=str", r"(as|are|is) (a )?(text|strings?)", 0.88),
    (("Decimal",), "default=float", r"(as|are|is) (a )?(numbers?|floats?)", 0.88),
    (("set", "frozenset"), "default=sorted", r"sorted|in order|alphabetical", 0.88),
    (("set", "frozenset"), "default=list", r"(as|are|is) (a )?lists?\b", 0.84),
    (("bytes",), "default=bytes.decode", r"utf-?8|as text|(is|are) text", 0.88),
)


def _iso_option(place: Place) -> Option:
    plain = re.search(r"^from datetime import .*\bdatetime\b", place.text, re.M)
    line = "" if plain or re.search(r"^import datetime\b", place.text, re.M) else "import datetime"
    owner = "datetime" if plain else "datetime.datetime"
    return f"default={owner}.isoformat", line, told(place, r"\bISO\b")


_NARROW = ("ascii", "us-ascii", "latin-1", "iso-8859-1", "latin1")


@template("UnicodeEncodeError", "UnicodeDecodeError")
def text_coding(place: Place) -> Changes:
    """Text in an encoding that cannot hold it: the encoding that the documentation names."""
    for node in failing(place, ast.Call):
        yield from _as_unicode(place, node)
        if called(node) == "decode":
            yield from _as_western(place, node)
        if called(node) in ("decode", "encode"):
            yield from _as_replaced(place, node)


def _as_unicode(place: Place, node: ast.Call) -> Changes:
    said = told(place, r"utf-?8|unicode|any language|accents?|umlauts?")
    for constant in [n for n in nodes(node, ast.Constant) if str(n.value).lower() in _NARROW]:
        yield change(place, place.replace(constant, '"utf-8"'), "UTF-8 holds every character.", said)
    if called(node) == "open" and "encoding" not in {k.arg for k in node.keywords}:
        text = place.replace(node, f'{_opened(place, node)}, encoding="utf-8")')
        yield change(place, text, "The file is UTF-8.", said)


def _as_western(place: Place, node: ast.Call) -> Changes:
    if said := told(place, r"latin-?1|iso-?8859|windows-?1252|cp1252"):
        coding = "cp1252" if "1252" in said.words else "latin-1"
        text = place.replace(node, f'{place.source(node.func)}("{coding}")')
        yield change(place, text, f"The bytes are {coding}.", said)


def _as_replaced(place: Place, node: ast.Call) -> Changes:
    if said := told(place, "replacement|replaced by|question mark|\ufffd", 0.86):
        inner = _opened(place, node)
        text = place.replace(node, f'{inner}{"" if inner.endswith("(") else ", "}errors="replace")')
        yield change(place, text, "What cannot be read is replaced.", said)


@template("JSONDecodeError")
def bom_json(place: Place) -> Changes:
    """JSON text that begins with a byte order mark."""
    if "BOM" not in place.crash.exception.message:
        return
    for node in failing(place, ast.Call):
        if called(node) == "loads" and node.args:
            said = Said("", "the text begins with a byte order mark, as the error itself says", 0.88)
            text = place.replace(node.args[0], f'{place.source(node.args[0])}.removeprefix("\\ufeff")')
            yield change(place, text, "A byte order mark at the start is no content.", said)


@template("KeyError")
def bom_key(place: Place) -> Changes:
    """A first column that is not found since the file begins with a byte order mark."""
    if not any("\\ufeff" in v for v in (place.frame.locals or {}).values()):
        return
    said = Said("", "the first key begins with a byte order mark, which is no part of it", 0.9)
    for _, module in [next(iter(modules(place)))]:
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and str(node.value).lower() in ("utf-8", "utf8"):
                yield change(place, place.replace(node, '"utf-8-sig"'), "A byte order mark is taken off.", said)


@template("TypeError", "ValueError")
def pairs(place: Place) -> Changes:
    """``for key, value in mapping`` without ``items()``; a tuple given to a single %s."""
    if "values to unpack" in place.message or "cannot unpack" in place.message:
        yield from _items(place)
    elif "not all arguments converted" in place.message:
        said = Said("", "the text has one place for the whole tuple", 0.88)
        for node in failing(place, ast.BinOp):
            if isinstance(node.op, ast.Mod) and place.kind(node.right) == "tuple":
                text = place.replace(node.right, f"({place.source(node.right)},)")
                yield change(place, text, "The tuple is one value.", said)


def _items(place: Place) -> Changes:
    said = Said("", "two names take an entry of a mapping: its items", 0.92)
    for node in nodes(place.scope, ast.For, ast.comprehension):
        two = isinstance(node.target, ast.Tuple) and len(node.target.elts) == 2
        if two and place.kind(node.iter) in ("dict", "defaultdict", "Counter", "OrderedDict"):
            text = place.replace(node.iter, f"{place.source(node.iter)}.items()")
            yield change(place, text, "The mapping's items are meant.", said)


@template("TypeError")
def hashable(place: Place) -> Changes:
    """A list as a key or member of a set: its tuple."""
    if "unhashable type: 'list'" not in place.crash.exception.message:
        return
    for node in failing(place, ast.Name, ast.Subscript, ast.Attribute, ast.Call):
        if place.kind(node) == "list":
            said = Said("", "a key has to be fixed: a tuple holds the same", 0.84)
            text = place.source(node)
            yield change(place, place.replace(node, f"tuple({text})"), "The list becomes a tuple as a key.", said)
            either = f"tuple({text}) if isinstance({text}, list) else {text}"
            alone = any(node in n.args for n in place.expressions(ast.Call))
            alone = alone or any(n.slice is node for n in place.expressions(ast.Subscript))
            either = either if alone else f"({either})"
            yield change(place, place.replace(node, either), "A list becomes a tuple as a key.", said, less=0.01)


@template("TypeError")
def awaited_value(place: Place) -> Changes:
    """``await`` of what is no coroutine."""
    if "can't be used in 'await' expression" not in place.crash.exception.message:
        return
    for node in place.expressions(ast.Await):
        said = Said("", "the call gives its value at once; it is no coroutine", 0.9)
        yield change(place, place.replace(node, place.source(node.value)), "There is nothing to await.", said)

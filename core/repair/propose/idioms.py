"""Idioms of the standard library that work until the day they meet the input they forgot."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import called, first_statement
from core.repair.propose.base import Changes, change
from core.repair.propose.evidence import SKIPPED, Said, modules, saying, sentences, words_of
from core.repair.propose.imports import with_import
from core.repair.propose.suspects import failing


def docs(place: Place) -> str:
    """All documentation near the place: function, class and module."""
    nodes = [
        place.module,
        *(n for n in ast.walk(place.module) if isinstance(n, ast.ClassDef) and place.function in n.body),
    ]
    return " ".join(ast.get_docstring(n) or "" for n in [*nodes, *([place.function] if place.function else [])])


def told(place: Place, words: str, confidence: float = 0.88) -> Said | None:
    """Evidence, when the documentation holds the words."""
    found = saying(words, docs(place))
    return Said("", f"the documentation says: {found[:160]}", confidence) if found else None


def padding(place: Place) -> Changes:
    """Base64 text whose padding was cut off, as in URLs and tokens."""
    if "padding" not in place.crash.exception.message:
        return
    for node in failing(place, ast.Call):
        if "b64decode" in called(node) and node.args:
            text = place.source(node.args[0])
            fill = 'b"="' if place.kind(node.args[0]) == "bytes" else '"="'
            said = Said("", "base64 texts from URLs and tokens come without padding; it is put back", 0.88)
            yield change(
                place,
                place.replace(node.args[0], f"{text} + {fill} * (-len({text}) % 4)"),
                "The padding is put back.",
                said,
            )


_WITHOUT = r"\b(without|no|none|missing|null|unknown|un\w+|lack|lacking|not|empty|those)\b"


def sort_none(place: Place) -> Changes:
    """Sorting by something that may be None: to the end, or to the front, as documented."""
    if "NoneType" not in place.crash.exception.message or "not supported between" not in place.crash.exception.message:
        return
    last = told(place, rf"{_WITHOUT}[^.;,\n]*(\blast\b|at the end|\bbottom\b)", 0.9)
    first = told(place, rf"{_WITHOUT}[^.;,\n]*(\bfirst\b|at the (top|front|start))", 0.9)
    for node in failing(place, ast.Call):
        if called(node) not in ("sorted", "sort"):
            continue
        key = next((k for k in node.keywords if k.arg == "key"), None)
        turned = any(k.arg == "reverse" and getattr(k.value, "value", None) is True for k in node.keywords)
        for to_end, said in ((True, last), (False, first)):
            test = "is None" if to_end != turned else "is not None"
            text = _sorted(place, node, key, test)
            if text:
                yield change(place, text, f"Those without a value come {'last' if to_end else 'first'}.", said)


def _sorted(place: Place, node: ast.Call, key: ast.keyword | None, test: str) -> str | None:
    if key is None:
        inner = place.source(node)[:-1].rstrip().rstrip(",")
        comma = ", " if node.args or node.keywords else ""
        return place.replace(node, f"{inner}{comma}key=lambda value: (value {test}, value))")
    if isinstance(key.value, ast.Lambda):
        body = key.value.body
        parts = body.elts if isinstance(body, ast.Tuple) else [body]
        each = [place.source(p) for p in parts]
        new = ", ".join(f"({p} {test}, {p})" if len(each) > 1 else f"{p} {test}, {p}" for p in each)
        return place.replace(body, f"({new})")
    if (
        isinstance(key.value, ast.Call)
        and called(key.value) in ("itemgetter", "attrgetter")
        and len(key.value.args) == 1
    ):
        field = place.source(key.value.args[0])
        read = f"row[{field}]" if called(key.value) == "itemgetter" else f"row.{ast.literal_eval(key.value.args[0])}"
        return place.replace(key.value, f"lambda row: ({read} {test}, {read})")
    return None


def without_none(place: Place) -> Changes:
    """A figure of values some of which are None: they are left out, where the documentation says so."""
    if "NoneType" not in place.crash.exception.message or place.function is None:
        return
    first = first_statement(place.function)
    parameters = {a.arg for a in ast.walk(place.function.args) if isinstance(a, ast.arg)}
    for node in failing(place, ast.Name):
        value = place.value(node)
        if node.id in parameters and isinstance(value, list | tuple) and None in value:
            about = words_of(node.id, place.function.name)
            skipped = next((s for s in sentences(place, about) if SKIPPED.search(s.text)), None)
            said = Said("", f"the documentation says: {skipped.text[:200]}", skipped.trust + 0.02) if skipped else None
            line = f"{node.id} = [value for value in {node.id} if value is not None]"
            yield change(place, place.before(first, line), f"None among {node.id} is left out.", said)


def encoder(place: Place) -> Changes:
    """JSON of what JSON does not know: as a sibling does it, else as the documentation says."""
    found = re.search(r"Object of type (\w+) is not JSON serializable", place.crash.exception.message)
    if not found:
        return
    for node in [n for n in failing(place, ast.Call) if called(n) in ("dumps", "dump")]:
        inner = place.source(node)[:-1].rstrip().rstrip(",")
        options = [*_sibling_options(place, node), *_known_options(place, found[1])]
        for option, line, said in options:
            text = place.replace(node, f"{inner}, {option})")
            yield change(place, with_import(place, line, text), f"{found[1]} is written by {option}.", said)


def _sibling_options(place: Place, node: ast.Call):
    """``default=`` or ``cls=`` of other calls, and encoders that the program defines."""
    for path, module in modules(place):
        for other in ast.walk(module):
            if isinstance(other, ast.Call) and called(other) in ("dumps", "dump") and other is not node:
                for keyword in other.keywords:
                    if keyword.arg in ("default", "cls"):
                        name = ast.unparse(keyword.value)
                        line = (
                            ""
                            if path == place.path or not name.isidentifier() or name == "str"
                            else f"from {_module(path)} import {name}"
                        )
                        yield f"{keyword.arg}={name}", line, Said("", f"{path}:{other.lineno} writes JSON so", 0.91)
            if isinstance(other, ast.ClassDef) and any("JSONEncoder" in ast.unparse(b) for b in other.bases):
                line = "" if path == place.path else f"from {_module(path)} import {other.name}"
                yield f"cls={other.name}", line, Said("", f"{path} has this encoder", 0.91)


def _module(path: str) -> str:
    return path.removeprefix("src/").removesuffix(".py").replace("/", ".")


def _known_options(place: Place, kind: str):
    if kind == "datetime":
        plain = re.search(r"^from datetime import .*\bdatetime\b", place.text, re.M)
        line = "" if plain or re.search(r"^import datetime\b", place.text, re.M) else "import datetime"
        owner = "datetime" if plain else "datetime.datetime"
        yield f"default={owner}.isoformat", line, told(place, r"\bISO\b")
        yield "default=str", "", told(place, r"as text|as strings?", 0.84)
    elif kind in ("date", "time"):
        yield "default=str", "", told(place, r"\bISO\b") or told(place, r"as text|as strings?", 0.84)
    elif kind == "Decimal":
        yield "default=str", "", told(place, r"(as|are|is) (a )?(text|strings?)")
        yield "default=float", "", told(place, r"(as|are|is) (a )?(numbers?|floats?)")
    elif kind in ("set", "frozenset"):
        yield "default=sorted", "", told(place, r"sorted|in order|alphabetical")
        yield "default=list", "", told(place, r"(as|are|is) (a )?lists?\b", 0.84)
    elif kind == "bytes":
        yield "default=bytes.decode", "", told(place, r"utf-?8|as text|(is|are) text")
    elif kind in ("UUID", "PosixPath", "IPv4Address"):
        yield "default=str", "", Said("", f"{kind} has one text", 0.84)


_NARROW = ("ascii", "us-ascii", "latin-1", "iso-8859-1", "latin1")


def text_coding(place: Place) -> Changes:
    """Text in an encoding that cannot hold it: the encoding that the documentation names."""
    unicode = told(place, r"utf-?8|unicode|any language|accents?|umlauts?")
    western = told(place, r"latin-?1|iso-?8859|windows-?1252|cp1252")
    replaced = told(place, "replacement|replaced by|question mark|\ufffd", 0.86)
    for node in failing(place, ast.Call):
        for constant in [n for n in ast.walk(node) if isinstance(n, ast.Constant) and str(n.value).lower() in _NARROW]:
            yield change(place, place.replace(constant, '"utf-8"'), "UTF-8 holds every character.", unicode)
        inner = place.source(node)[:-1].rstrip().rstrip(",")
        if called(node) == "open" and not any(k.arg == "encoding" for k in node.keywords):
            yield change(place, place.replace(node, f'{inner}, encoding="utf-8")'), "The file is UTF-8.", unicode)
        if western and called(node) == "decode":
            coding = "cp1252" if "1252" in western.words else "latin-1"
            text = place.replace(node, f'{place.source(node.func)}("{coding}")')
            yield change(place, text, f"The bytes are {coding}.", western)
        if replaced and called(node) in ("decode", "encode"):
            comma = "" if inner.endswith("(") else ", "
            text = place.replace(node, f'{inner}{comma}errors="replace")')
            yield change(place, text, "What cannot be read is replaced.", replaced)


def bom_json(place: Place) -> Changes:
    """JSON text that begins with a byte order mark."""
    if "BOM" not in place.crash.exception.message:
        return
    for node in failing(place, ast.Call):
        if called(node) == "loads" and node.args:
            said = Said("", "the text begins with a byte order mark, as the error itself says", 0.88)
            text = place.replace(node.args[0], f'{place.source(node.args[0])}.removeprefix("\\ufeff")')
            yield change(place, text, "A byte order mark at the start is no content.", said)


def bom_key(place: Place) -> Changes:
    """A first column that is not found since the file begins with a byte order mark."""
    if not any("\\ufeff" in v for v in (place.frame.locals or {}).values()):
        return
    said = Said("", "the first key begins with a byte order mark, which is no part of it", 0.9)
    for _, module in [next(iter(modules(place)))]:
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and str(node.value).lower() in ("utf-8", "utf8"):
                yield change(place, place.replace(node, '"utf-8-sig"'), "A byte order mark is taken off.", said)


def pairs(place: Place) -> Changes:
    """``for key, value in mapping`` without ``items()``; a tuple given to a single %s."""
    message = place.crash.exception.message
    if "values to unpack" in message or "cannot unpack" in message:
        loops = [n for n in ast.walk(place.function or place.module) if isinstance(n, ast.For | ast.comprehension)]
        taken = [n for n in loops if isinstance(n.target, ast.Tuple) and len(n.target.elts) == 2]
        for node in [n for n in taken if place.kind(n.iter) in ("dict", "defaultdict", "Counter", "OrderedDict")]:
            said = Said("", "two names take an entry of a mapping: its items", 0.92)
            text = place.replace(node.iter, f"{place.source(node.iter)}.items()")
            yield change(place, text, "The mapping's items are meant.", said)
    elif "not all arguments converted" in message:
        for node in failing(place, ast.BinOp):
            if isinstance(node.op, ast.Mod) and place.kind(node.right) == "tuple":
                said = Said("", "the text has one place for the whole tuple", 0.88)
                yield change(
                    place, place.replace(node.right, f"({place.source(node.right)},)"), "The tuple is one value.", said
                )


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


def awaited_value(place: Place) -> Changes:
    """``await`` of what is no coroutine."""
    if "can't be used in 'await' expression" not in place.crash.exception.message:
        return
    for node in place.expressions(ast.Await):
        said = Said("", "the call gives its value at once; it is no coroutine", 0.9)
        yield change(place, place.replace(node, place.source(node.value)), "There is nothing to await.", said)

"""Reads a text in the form in which it is written: padding, separators of numbers, the encoding, a byte order mark.

The library names the form that it reads; the documentation of the program names the one in which the text is written.
"""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import nodes
from core.repair.propose.base import Changes, Clue, at, change, failing, modules, opened
from core.repair.propose.documentation import stated
from core.repair.propose.registry import operator
from core.repair.propose.suspects import missing_key
from core.repair.types import Evidence

MARK = "\ufeff"
# message, callees, form of the argument, words of the program's documentation
_NUMBER = r"invalid literal for int|could not convert string|ConversionSyntax"
_FORMS = (
    (r"Incorrect padding", "b64decode urlsafe_b64decode", '{0} + {1}"=" * (-len({0}) % 4)', r"padding"),
    (_NUMBER, "int float Decimal", '{0}.replace(",", "")', r"thousands|\d,\d\d\d\b"),
    (_NUMBER, "float Decimal", '{0}.replace(",", ".")', r"decimal comma|comma (as|for|before|separates)|\d,\d\d?\b"),
    (_NUMBER, "int float Decimal", '{0}.replace("_", "")', r"underscores?"),
)
_ENCODING = r"\b(latin-?1|iso-?8859-\d+|windows-?125\d|cp-?125\d|utf-?16|utf-?8|ascii)\b"


@operator("ValueError", "Error", "InvalidOperation")
def read(place: Place) -> Changes:
    """Convert the text before it is read: ``b64decode(text + padding)``, ``float(text.replace(",", "."))``."""
    for message, names, form, words in _FORMS:
        for node in failing(place, ast.Call) if re.search(message, place.message) else ():
            if called(node) in names.split() and len(node.args) == 1:
                text, prefix = place.source(node.args[0]), "b" if place.kind(node.args[0]) == "bytes" else ""
                new = place.replace(node.args[0], form.format(text, prefix))
                yield change(place, new, f"{called(node)} is given the form that it reads.", stated(place, words))


@operator("UnicodeDecodeError", "UnicodeEncodeError")
def decoded(place: Place) -> Changes:
    """Use the documented encoding: ``body.decode("cp1252")``, ``open(path, encoding="utf-8")``."""
    clue = stated(place, _ENCODING)
    found = re.search(_ENCODING, clue.words, re.I) if clue else None
    for node in failing(place, ast.Call) if found else ():
        if called(node) in ("decode", "encode"):
            new = place.replace(node, f'{place.source(node.func)}("{_named(found)}")')
            yield change(place, new, f"The text is in {_named(found)}.", clue)
    for node in nodes(place.scope, ast.Call) if found else ():
        if called(node) in ("open", "read_text", "write_text"):
            text = f'{opened(place, node)}encoding="{_named(found)}")'
            given = [k for k in node.keywords if k.arg == "encoding"]
            new = place.replace(given[0].value, f'"{_named(found)}"') if given else place.replace(node, text)
            yield change(place, new, f"The text is in {_named(found)}.", clue)


def _named(found: re.Match | None) -> str:
    return found[0].lower() if found else ""


@operator("KeyError", "JSONDecodeError", "ValueError")
def unmarked(place: Place) -> Changes:
    """Read ``utf-8-sig`` where the text begins with a byte order mark, which is no part of its content."""
    marked = f"{MARK}{missing_key(place)}"
    told = any(marked in value or repr(marked)[1:-1] in value for value in (place.frame.locals or {}).values())
    if not told and "BOM" not in place.message:
        return
    clue = Clue("", "the text begins with a byte order mark, which utf-8-sig takes off", Evidence.DOCUMENTED)
    for path, module in modules(place):
        there = at(place, path)
        for node in [n for n in nodes(module, ast.Constant) if str(n.value).lower() in ("utf-8", "utf8")]:
            yield change(there, there.replace(node, '"utf-8-sig"'), "The byte order mark is taken off.", clue)
    for node in [n for n in failing(place, ast.Call) if called(n) == "loads" and n.args and "BOM" in place.message]:
        new = place.replace(node.args[0], f'{place.source(node.args[0])}.removeprefix("\\ufeff")')
        yield change(place, new, "The byte order mark is taken off.", clue, 1)

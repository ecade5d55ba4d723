"""Serializes types that JSON lacks in the documented form, with the ``default`` argument of the json module."""

from __future__ import annotations

import ast
import re

from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.propose.base import Changes, change, failing, opened
from core.repair.propose.documentation import stated
from core.repair.propose.registry import operator

_UNKNOWN = re.compile(r"Object of type (\w+) is not JSON serializable")
_TEXT, _NUMBER = r"(as|are|is) (a )?(text|strings?)|\bISO\b", r"(as|are|is) (a )?(numbers?|floats?)"
# types, what they become, words of the documentation
_FORMS = (
    ("datetime", "lambda value: value.isoformat()", r"\bISO\b"),
    ("datetime date time Decimal UUID PosixPath Path", "str", _TEXT),
    ("Decimal", "float", _NUMBER),
    ("set frozenset", "sorted", r"sorted|in order|alphabetical"),
    ("set frozenset generator", "list", r"(as|are|is) (a )?lists?\b"),
    ("bytes", "bytes.decode", r"utf-?8|as text|(is|are) text"),
)


@operator("TypeError")
def in_its_form(place: Place) -> Changes:
    match = _UNKNOWN.search(place.message)
    for node in [n for n in failing(place, ast.Call) if called(n) in ("dumps", "dump")] if match else ():
        for kinds, form, words in _FORMS:
            if match and match[1] in kinds.split():
                text = place.replace(node, f"{opened(place, node)}default={form})")
                yield change(place, text, f"{match[1]} is written by {form}.", stated(place, words))

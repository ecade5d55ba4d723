"""The closed list of calls that are allowed in a repr, with their arguments. Data.

Each call only builds a value. Its arguments are limited to the types named here, so that no call can use much memory
or time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.repair.localize.sources import words

KNOWN = {
    "datetime": "import datetime",
    "zoneinfo": "import zoneinfo",
    "Decimal": "from decimal import Decimal",
    "Fraction": "from fractions import Fraction",
    "UUID": "from uuid import UUID",
    "Path": "from pathlib import Path",
    "OrderedDict": "from collections import OrderedDict",
    "Counter": "from collections import Counter",
    "deque": "from collections import deque",
    "defaultdict": "from collections import defaultdict",
    "SimpleNamespace": "from types import SimpleNamespace",
    "asyncio": "import asyncio",
    "typing": "import typing",
}
RENAMED = {"PosixPath": "Path", "WindowsPath": "Path", "namespace": "SimpleNamespace"}
RENAMED |= dict.fromkeys(("dict_keys", "dict_values", "dict_items"), "list")
TYPING = words(
    "Any Callable Dict FrozenSet Iterable Iterator List Literal Mapping Optional Sequence Set Tuple Type Union"
)
TYPES = {"bool", "bytes", "dict", "float", "frozenset", "int", "list", "object", "set", "str", "tuple"}


@dataclass(frozen=True)
class Value:
    """The text of an expression, and the name of its type."""

    text: str
    kind: str


@dataclass(frozen=True)
class Constructor:
    """``kinds``: types of the arguments, empty for any value; ``most``: maximum number of positional arguments.

    ``keywords``: their names, or None for any name. ``text``: the pattern of a text argument.
    """

    kinds: frozenset[str]
    most: int = 1
    keywords: frozenset[str] | None = frozenset()
    lines: tuple[str, ...] = ()
    text: str = ""

    def takes(self, given: Sequence[Value], named: Mapping[str, Value]) -> bool:
        if len(given) > self.most or (self.keywords is not None and not named.keys() <= self.keywords):
            return False
        return all(self._fits(value) for value in (*given, *named.values()))

    def _fits(self, value: Value) -> bool:
        shaped = not self.text or value.kind != "str" or re.fullmatch(self.text, value.text[1:-1])
        return bool(shaped) and (not self.kinds or value.kind in self.kinds)


def _of(name: str, kinds: str, most: int = 1, keywords: str | None = "", text: str = "") -> Constructor:
    line = KNOWN.get(name.partition(".")[0], "")
    words = None if keywords is None else frozenset(keywords.split())
    return Constructor(frozenset(kinds.split()), most, words, (line,) if line else (), text)


_DAY, _CLOCK = "year month day", "hour minute second microsecond tzinfo fold"
_ZONES = "int timezone ZoneInfo NoneType"
_SPANS = "days seconds microseconds milliseconds minutes hours weeks"
_NUMBER = r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,4})?|NaN|[+-]?Infinity"
_COLLECTIONS = "list tuple set dict frozenset range"
CONSTRUCTORS = {
    name: _of(name, *shape)
    for name, shape in {
        "datetime.datetime": (_ZONES, 8, f"{_DAY} {_CLOCK}"),
        "datetime.date": ("int", 3, _DAY),
        "datetime.time": (_ZONES, 5, _CLOCK),
        "datetime.timedelta": ("int float", 7, _SPANS),
        "datetime.timezone": ("timedelta str", 2),
        "zoneinfo.ZoneInfo": ("str", 1, "key", r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+){0,2}"),
        "Decimal": ("str int", 1, "", _NUMBER),
        "Fraction": ("int", 2),
        "UUID": ("str", 1, "", r"[0-9a-fA-F-]{32,36}"),
        "Path": ("str", 8),
        "OrderedDict": ("dict list",),
        "Counter": ("dict list str",),
        "deque": ("list tuple int NoneType", 1, "maxlen"),
        "defaultdict": ("type callable dict NoneType", 2),
        "SimpleNamespace": ("", 0, None),
        "set": (_COLLECTIONS,),
        "frozenset": (_COLLECTIONS,),
        "tuple": (_COLLECTIONS,),
        "list": (_COLLECTIONS,),
        "dict": ("", 0, None),
        "bytearray": ("bytes",),
        "range": ("int", 3),
        "object": ("", 0),
    }.items()
}
CONSTANTS = {"datetime.timezone.utc": Value("datetime.timezone.utc", "timezone")}

"""Replaces files and streams of a report, which exist only on its machine, by ones with generated content. Pure.

Of the report, only the suffix of the file's name and the byte that its message names are written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from core.models import Crash
from core.repair.localize.locate import spliced
from core.repair.localize.sources import UNREADABLE
from core.repair.localize.syntax import nodes
from core.repair.reproduce.values import Part
from core.repair.sandbox.probe import Call

CONTENTS = ("b'text\\n'", "b''", "b'\\x80'", "bytes(range(256))", "b'\\xff\\xfe'", "b'a = 1\\n'", "b'<a>1</a>'")
CONTENTS += ("b'{}'", "b'\\x00' * 64", "b'a,b\\n1,2\\n'")
_PATH = re.compile(r"/(?:[\w.@+ -]+/)+[\w.@+ -]*")
_UNDECODED = re.compile(r"can't decode byte 0x([0-9a-f]{2}) in position (\d{1,3})\b")
_STREAM = re.compile(r"<_io\.(TextIOWrapper|BufferedReader|BufferedRandom|FileIO)\b[^>]*>")
# objects of the standard library with literal contents, which the search can change
ITERATOR: Part = ("iter([1, 2, 3])", ())
FACTORIES: dict[str, Part] = {
    **dict.fromkeys(("list_iterator", "tuple_iterator", "range_iterator", "set_iterator"), ITERATOR),
    "str_iterator": ("iter('text')", ()),
    "object": ("object()", ()),
    "BytesIO": ("io.BytesIO(b'text')", ("import io",)),
    "StringIO": ("io.StringIO('text')", ("import io",)),
    "Module": ("ast.parse('text')", ("import ast",)),
    "Element": ("xml.etree.ElementTree.fromstring('<a>text</a>')", ("import xml.etree.ElementTree",)),
    "Message": ("email.message_from_string('text')", ("import email",)),
    "EmailMessage": ("email.message.EmailMessage()", ("import email.message",)),
    "Namespace": ("argparse.Namespace()", ("import argparse",)),
    "Random": ("random.Random(1)", ("import random",)),
    "Logger": ("logging.getLogger('text')", ("import logging",)),
    "lock": ("threading.Lock()", ("import threading",)),
    "Event": ("threading.Event()", ("import threading",)),
    "ConfigParser": ("configparser.ConfigParser()", ("import configparser",)),
}


def stream(text: str) -> Part | None:
    """A stream for an open file, or an iterator for a generator, of which the report only has the name."""
    if text.startswith("<generator object "):
        return ITERATOR
    match = _STREAM.fullmatch(text)
    return FACTORIES["StringIO" if match[1] == "TextIOWrapper" else "BytesIO"] if match else None


def with_files(call: Call, crash: Crash) -> Iterator[Call]:
    """The call with temporary files instead of its paths, once for each content."""
    try:
        tree = ast.parse(call.expression, mode="eval")
    except UNREADABLE:
        return
    texts = [(n, n.value) for n in nodes(tree, ast.Constant) if isinstance(n.value, str)]
    named = [(n, path) for n, path in texts if _PATH.fullmatch(path)]
    if not named or call.setup:
        return
    longest = max((path for _, path in named), key=len)
    text = call.expression
    for node, path in sorted(named, key=lambda pair: -pair[0].col_offset):
        folder = path != longest and longest.startswith(path)
        text = spliced(text, node, "tempfile.gettempdir()" if folder else "file.name")
    suffix = repr(re.sub(r"[^A-Za-z0-9_.-]", "", longest.rsplit("/", 1)[-1])[-40:])
    imports = "\n".join(filter(None, ["import tempfile", call.imports]))
    for content in (*_told(crash), *CONTENTS):
        setup = f"file = tempfile.NamedTemporaryFile(suffix={suffix})\nfile.write({content})\nfile.flush()"
        yield replace(call, imports=imports, expression=text, setup=setup)


def _told(crash: Crash) -> list[str]:
    """Content with the byte that the message names, at the position that it names."""
    match = _UNDECODED.search(crash.exception.message)
    return [repr(b"a" * int(match[2]) + bytes.fromhex(match[1])), repr(bytes.fromhex(match[1]))] if match else []

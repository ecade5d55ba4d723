"""Changes calls towards a report: replaces arguments, texts and words by those of the report. Pure.

Values of the report are rebuilt by the closed grammar (values.py).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from core.models import Crash, Frame
from core.repair.localize.fixability import deepest_in_app
from core.repair.localize.locate import extent, place_of, spliced
from core.repair.localize.sources import UNREADABLE, called, definition, parameters
from core.repair.localize.syntax import Function, identifier, nodes
from core.repair.reproduce.mutate import HELPERS
from core.repair.reproduce.value_classes import value_classes
from core.repair.reproduce.values import Part, imports_for, source
from core.repair.sandbox.probe import Call

WORDS, TEXTS, PLACES, TEXT = 10, 12, 14, 4_000
_QUOTED = re.compile(r"'([^'\\\n]{1,40})'|\"([^\"\\\n]{1,40})\"")
_WORD = re.compile(r"\w+|[^\w\s]")
_STATES = ("''", "None", "0", "[]", "{}", "False", "True", "-1", "b''")


@dataclass(frozen=True)
class Told:
    """The values of a report: the arguments of its frames, its texts, and the words in all of its values."""

    tree: Path
    crash: Crash

    @cached_property
    def frames(self) -> list[Frame]:
        return [f for f in self.crash.frames if f.in_app]

    @cached_property
    def arguments(self) -> dict[str, tuple[Function, str, dict[str, Part]]]:
        """Called name (for ``__init__``, the class) -> function, its class, and its reported parameters."""
        known, found = value_classes(self.tree), {}
        for frame in self.frames:
            owner, node = definition(self.tree, frame) or ("", None)
            if node is None or frame.locals is None:
                continue
            parts = {a.arg: source(frame.locals.get(a.arg, "[Filtered]"), known) for a in parameters(node, owner)}
            known_parts = {name: part for name, part in parts.items() if part}
            found.setdefault(owner if node.name == "__init__" else node.name, (node, owner, known_parts))
        return found

    @cached_property
    def texts(self) -> list[str]:
        """Texts among the locals, the outermost frame's first, as literals."""
        held = [
            text for f in self.frames for text in (f.locals or {}).values() if text[:1] in "'\"" or text[:2] == "b'"
        ]
        return list(dict.fromkeys(part[0] for text in held if (part := source(text)) and len(part[0]) > 2))[:TEXTS]

    @cached_property
    def values(self) -> list[Part]:
        """Values among the locals of the innermost frames, those first that the frame's line names."""
        known = value_classes(self.tree)
        held = [text for f in reversed(self.frames[-3:]) for text in _by_line(f) if len(text) < TEXT]
        return list(dict.fromkeys(part for text in held if (part := source(text, known))))[:TEXTS]

    @cached_property
    def words(self) -> list[str]:
        """Short texts in the values of the innermost frames and in the message."""
        held = [text for f in reversed(self.frames[-3:]) for text in (f.locals or {}).values() if len(text) < 200]
        found = [a or b for text in [*held, self.crash.exception.message] for a, b in _QUOTED.findall(text)]
        return list(dict.fromkeys(filter(str.strip, found)))[:WORDS]

    @cached_property
    def fields(self) -> list[str]:
        """Attributes of its object that the failing line reads, then those that the function reads."""
        place = place_of(self.tree, self.crash, self.frames[-1]) if self.frames else None
        if place is None or place.function is None:
            return []
        read = [n for n in nodes(place.function, ast.Attribute) if identifier(n.value) == "self"]
        near = sorted(read, key=lambda n: abs(n.lineno - place.line))
        called_ = {id(n.func) for n in nodes(place.function, ast.Call)}
        return list(dict.fromkeys(n.attr for n in near if id(n) not in called_))[:6]


def _by_line(frame: Frame) -> list[str]:
    named = set(re.findall(r"\w+", frame.code))
    return [text for name, text in sorted((frame.locals or {}).items(), key=lambda pair: pair[0] not in named)]


def toward(call: Call, report: Told, objects: Mapping[str, str], owner: str) -> list[Iterator[Call]]:
    """Streams of changed calls, one for each kind of change; ``objects`` are those that the call created."""
    return [
        as_reported(call, report),
        with_state(call, report, [n for n, kind in objects.items() if kind == owner and n != "_value"]),
        with_values(call, report),
        with_words(call, report),
        with_texts(call, report),
        with_less(call),
    ]


def as_reported(call: Call, report: Told) -> Iterator[Call]:
    """Pass the report's arguments to calls of its functions: all that are known, then one at a time."""
    for part, text in _parts(call):
        for node in _nodes(text, ast.Call):
            if called(node) in report.arguments:
                function, owner, reported = report.arguments[called(node)]
                for some in [reported, *({name: value} for name, value in reported.items() if len(reported) > 1)]:
                    new = ast.unparse(_given(node, function, owner, some))
                    lines = [line for _, needed in some.values() for line in needed]
                    yield changed(call, part, spliced(text, node, new), lines)


def _given(node: ast.Call, function: Function, owner: str, reported: Mapping[str, Part]) -> ast.Call:
    """The call with these arguments instead of its own."""
    names = [a.arg for a in parameters(function, owner)]
    values = {name: ast.parse(part[0], mode="eval").body for name, part in reported.items()}
    placed = [values.pop(name, arg) for name, arg in zip(names, node.args, strict=False)]
    kept = [ast.keyword(k.arg, values.pop(k.arg, k.value) if k.arg else k.value) for k in node.keywords]
    more = [ast.keyword(name, value) for name, value in values.items()]
    return ast.Call(node.func, [*placed, *node.args[len(placed) :]], [*kept, *more])


def with_state(call: Call, report: Told, names: list[str]) -> Iterator[Call]:
    """Set a field that the failing line reads, on the object whose method fails, to another value."""
    for value in _STATES:
        for name in names[:2]:
            for field in report.fields:
                yield replace(call, setup=f"{call.setup}\n{name}.{field} = {value}".strip())


def with_values(call: Call, report: Told) -> Iterator[Call]:
    """Replace the value of a variable, field or parameter by one from the report's innermost frames."""
    places = [(part, text, value) for part, text in _parts(call) for value in _given_values(text)[:PLACES]]
    for new, lines in report.values:
        for part, text, value in places:
            if ast.unparse(value) != new:
                yield changed(call, part, spliced(text, value, new), list(lines))


def _given_values(text: str) -> list[ast.expr]:
    set_ = [n.value for n in _nodes(text, ast.Assign)]
    named = [k.value for n in _nodes(text, ast.Call) for k in n.keywords]
    return [*set_, *named, *(a for n in _nodes(text, ast.Call) for a in n.args if not isinstance(a, ast.Starred))]


def with_words(call: Call, report: Told) -> Iterator[Call]:
    """Replace a word of a text by one of the report: all of its occurrences, or a single one."""
    yield from _with_text(call, lambda text: islice(_reworded(text, report.words), 90))


def with_less(call: Call) -> Iterator[Call]:
    """Remove a line of a text, or its first or last word."""
    yield from _with_text(call, _lessened)


def _with_text(call: Call, change: Callable[[str], Iterable[str]]) -> Iterator[Call]:
    for part, text in _parts(call):
        for node in _nodes(text, ast.Constant)[:PLACES]:
            if isinstance(node.value, str) and len(node.value) < TEXT and node.value:
                for new in change(node.value):
                    yield changed(call, part, spliced(text, node, repr(new)))


def _reworded(text: str, words: list[str]) -> Iterator[str]:
    own = list(dict.fromkeys(_WORD.findall(text)))
    for new in words:
        for old in own[:16]:
            if old != new and old.isidentifier() == new.isidentifier():
                found = list(re.finditer(rf"(?<!\w){re.escape(old)}(?!\w)", text))
                yield re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", lambda _, new=new: new, text)
                for match in found[:4] if len(found) > 1 else ():
                    yield f"{text[: match.start()]}{new}{text[match.end() :]}"


def _lessened(text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    for at in range(min(len(lines), 12) if len(lines) > 1 else 0):
        yield "".join([*lines[:at], *lines[at + 1 :]])
    first, _, rest = text.strip().partition(" ")
    yield from (kept for kept in (rest, first) if kept and kept != text)


def with_texts(call: Call, report: Told) -> Iterator[Call]:
    """Replace a text by one of the report."""
    for new in report.texts:
        for part, text in _parts(call):
            for node in _nodes(text, ast.Constant)[:PLACES]:
                if isinstance(node.value, str | bytes) and repr(node.value) != new:
                    yield changed(call, part, spliced(text, node, new))


def _parts(call: Call) -> list[tuple[str, str]]:
    return [("expression", call.expression), ("setup", call.setup)]


def _nodes(text: str, kind: type) -> list:
    """The text's nodes of a kind, last first, because values near the call matter most. Parts of f-strings and of
    helper functions are left out.
    """
    try:
        tree = ast.parse(text)
    except UNREADABLE:
        return []
    inner = {id(n) for outer in nodes(tree, ast.JoinedStr, *HELPERS) for n in ast.walk(outer)}
    return [n for n in nodes(tree, kind) if id(n) not in inner][::-1]


def changed(call: Call, part: str, text: str, lines: list[str] | None = None) -> Call:
    """The call with another text of a part, and the import lines that it needs."""
    needed = [*(lines or imports_for(text) if part == "expression" else lines or [])]
    imports = "\n".join(dict.fromkeys([*filter(None, call.imports.splitlines()), *needed]))
    return replace(call, imports=imports, **{part: text})


def set_apart(call: Call) -> Call:
    """Name the object of a call: ``it = Cart(3)``, then ``it.total()``."""
    try:
        node = ast.parse(call.expression, mode="eval").body
    except UNREADABLE:
        return call
    inner = [n for n in nodes(node, ast.Attribute) if isinstance(n.value, ast.Call) and identifier(n.value.func)]
    if len(inner) != 1 or call.setup:
        return call
    start, end = extent(call.expression, inner[0].value)
    made = call.expression[start:end]
    return replace(call, setup=f"it = {made}", expression=f"{call.expression[:start]}it{call.expression[end:]}")


def owner_of(tree: Path, crash: Crash) -> str:
    """The class of the deepest frame's method; empty for a function."""
    frame = deepest_in_app(crash)
    found = definition(tree, frame) if frame else None
    return found[0] if found else ""

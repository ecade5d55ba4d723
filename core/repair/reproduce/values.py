"""The text of a repr(), as reports hold it, rebuilt as an expression that is safe to write into a test. Pure.

A report is a stranger's text. Nothing of it is copied: the expression is built anew from a closed grammar of
literals and constructors (constructors.py), and what the grammar does not know makes the whole text unusable.
Stand-ins for functions are this module's own; a report cannot write one.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.repair.reproduce.constructors import (
    CONSTANTS,
    CONSTRUCTORS,
    KNOWN,
    RENAMED,
    TYPES,
    TYPING,
    Constructor,
    Value,
)
from core.repair.reproduce.value_classes import ValueClass

CALLABLE = "(lambda *_, **__: None)"  # stands in for a function of which only the name is known
AWAITABLE = "(lambda *_, **__: asyncio.sleep(0))"  # of a function whose result is awaited
LONGEST, DEPTH, NODES, DIGITS = 20_000, 40, 4_000, 60  # of a text; of what is built from it; of a whole number
CUT_FROM = 500  # characters from which a text may have been cut off by whoever reported it
MARK = "_stand_in_"
_IN_TYPES = {"type", "NoneType", "str", "int", "bool", "ellipsis", "list"}  # of a literal its values
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_FUNCTION = re.compile(r"<(?:built-in )?(?:function|bound method|method) ")
_CLASS = re.compile(r"<class '(?:[\w.]+\.)?(\w+)'>")
_MEMBER = re.compile(r"<(\w+)\.(\w+): ")
_OBJECT = re.compile(r"<(?:[\w.]+\.)?(\w+) object at 0x[0-9a-f]+>")
Part = tuple[str, tuple[str, ...]]  # expression, its import lines


class NoValue(ValueError):
    """The text is not the repr of a value of the closed grammar."""


def source(
    text: str, classes: Mapping[str, ValueClass] | None = None, objects: Mapping[str, Part] | None = None
) -> Part | None:
    """(expression, import lines) that gives an equal value; None when that cannot be told.

    ``classes`` are those of the program whose calls or members may stand in the text (value_classes.py).
    ``objects`` has the expressions by which this platform builds an object of a class, for ``<Cart object at 0x7f>``.
    """
    if len(text) > LONGEST or MARK in text or "[Filtered]" in text:
        return None
    builder = _Builder(classes or {}, objects or {})
    try:
        marked = builder.marked(text)
        tree = _parsed(marked) or _parsed(_closed(marked))
        return None if tree is None else builder.part(tree.body)
    except NoValue:
        return None


def objects_named(text: str) -> set[str]:
    """Names of the classes whose objects a text holds without telling what is in them."""
    return {match[1] for token in _tokens(text[:LONGEST]) if (match := _OBJECT.fullmatch(token))}


def classes_named(text: str) -> set[str]:
    """Names of the classes that a text holds as such: ``<class 'shop.Cart'>``."""
    return {match[1] for token in _tokens(text[:LONGEST]) if (match := _CLASS.fullmatch(token))}


def imports_for(expression: str) -> list[str]:
    """Import lines of the known names that an expression of this platform uses."""
    names = {n.id for n in ast.walk(ast.parse(expression)) if isinstance(n, ast.Name)}
    return [KNOWN[n] for n in sorted(names & set(KNOWN))]


# --- reading -----------------------------------------------------------------------------------------


def _parsed(text: str | None) -> ast.Expression | None:
    try:
        return ast.parse(text, mode="eval") if text else None
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _pieces(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is an ``<...>`` outside of quotes; one pass over the text."""
    pieces, start, depth = [], 0, 0
    for at, char in _outside_quotes(text):
        if char == "<":
            if not depth:
                pieces.append((text[start:at], False))
                start = at
            depth += 1
        elif char == ">" and depth:
            depth -= 1
            if not depth:
                pieces.append((text[start : at + 1], True))
                start = at + 1
    return [*pieces, (text[start:], False)]


def _outside_quotes(text: str) -> Iterator[tuple[int, str]]:
    """(position, character) of the text, what stands in quotes and the quotes left out."""
    quote, escaped = "", False
    for at, char in enumerate(text):
        if quote:
            quote, escaped = ("" if char == quote and not escaped else quote), char == "\\" and not escaped
        elif char in "'\"":
            quote = char
        else:
            yield at, char


def _tokens(text: str) -> list[str]:
    return [piece for piece, token in _pieces(text) if token]


def _closed(text: str) -> str | None:
    """A repr that was cut off, up to its last whole element, with its brackets closed."""
    if len(text) < CUT_FROM:
        return None
    open_, best = [], None
    for at, char in _outside_quotes(text):
        if char in _CLOSING:
            open_.append(_CLOSING[char])
        elif char in ")]}" and open_:
            open_.pop()
        elif char == "," and len(open_) <= DEPTH:
            best = at, "".join(reversed(open_))
    return text[: best[0]] + best[1] if best else None


# --- building ----------------------------------------------------------------------------------------


@dataclass
class _Builder:
    """Writes an expression from a syntax tree, node by node; each method raises NoValue for what it does not know."""

    classes: Mapping[str, ValueClass]
    objects: Mapping[str, Part]
    stand_ins: list[Value] = field(default_factory=list)
    lines: dict[str, None] = field(default_factory=dict)
    left: int = NODES

    def marked(self, text: str) -> str:
        """The text with a name in the place of each ``<...>`` that stands outside of quotes."""
        return "".join(self._mark(piece) if token else piece for piece, token in _pieces(text))

    def part(self, node: ast.expr) -> Part:
        return self.value(node).text, tuple(sorted(self.lines))

    def value(self, node: ast.expr, depth: int = DEPTH) -> Value:
        self.left -= 1
        build = _BUILDERS.get(type(node))
        if build is None or not depth or self.left < 0:
            raise NoValue
        return build(self, node, depth - 1)

    def _mark(self, token: str) -> str:
        self.stand_ins.append(self._stand_in(token))
        return f"{MARK}{len(self.stand_ins) - 1}_"

    def _stand_in(self, token: str) -> Value:
        if _FUNCTION.match(token):
            return Value(CALLABLE, "callable")
        if match := _CLASS.fullmatch(token):
            return self._type(match[1])
        if match := _MEMBER.match(token):
            return self._member(match[1], match[2])
        if (match := _OBJECT.fullmatch(token)) and match[1] in self.objects:
            text, lines = self.objects[match[1]]
            self.lines |= dict.fromkeys(lines)
            return Value(text, "object")
        raise NoValue

    def _type(self, name: str) -> Value:
        if name not in TYPES:
            self._imported(name)
        return Value(name, "type")

    def _member(self, owner: str, name: str) -> Value:
        if name not in self._imported(owner).members:
            raise NoValue
        return Value(f"{owner}.{name}", "member")

    def _imported(self, name: str) -> ValueClass:
        if name not in self.classes:
            raise NoValue
        self.lines[f"from {self.classes[name].module} import {name}"] = None
        return self.classes[name]

    def constant(self, node: ast.Constant, _depth: int) -> Value:
        kind = type(node.value)
        if kind not in (str, bytes, bool, type(None), int, float, complex) or not _bounded(node.value):
            raise NoValue
        return Value(repr(node.value), kind.__name__)

    def signed(self, node: ast.UnaryOp, depth: int) -> Value:
        number = isinstance(node.operand, ast.Constant) and type(node.operand.value) in (int, float, complex)
        number = number or (isinstance(node.operand, ast.Name) and node.operand.id == "inf")
        if not isinstance(node.op, ast.USub) or not number:
            raise NoValue
        inner = self.value(node.operand, depth)
        return Value(f"-{inner.text}", inner.kind)

    def complex(self, node: ast.BinOp, depth: int) -> Value:
        """``(1+2j)``: the one sum that a repr has."""
        real, imaginary = self.value(node.left, depth), self.value(node.right, depth)
        sign = {ast.Add: "+", ast.Sub: "-"}.get(type(node.op))
        if sign is None or real.kind not in ("int", "float") or imaginary.kind != "complex":
            raise NoValue
        return Value(f"({real.text} {sign} {imaginary.text})", "complex")

    def sequence(self, node: ast.List | ast.Tuple | ast.Set, depth: int) -> Value:
        inner = ", ".join(self.value(element, depth).text for element in node.elts)
        if isinstance(node, ast.Tuple):
            return Value(f"({inner},)" if len(node.elts) == 1 else f"({inner})", "tuple")
        return Value(f"[{inner}]", "list") if isinstance(node, ast.List) else Value(f"{{{inner}}}", "set")

    def mapping(self, node: ast.Dict, depth: int) -> Value:
        inner = ", ".join(self._entry(k, v, depth) for k, v in zip(node.keys, node.values, strict=True))
        return Value(f"{{{inner}}}", "dict")

    def _entry(self, key: ast.expr | None, value: ast.expr, depth: int) -> str:
        if key is None:  # ``**more``
            raise NoValue
        return f"{self.value(key, depth).text}: {self.value(value, depth).text}"

    def name(self, node: ast.Name, _depth: int) -> Value:
        if node.id in ("inf", "nan") and node.id not in self.classes:
            return Value(f"float({node.id!r})", "float")
        marked = re.fullmatch(rf"{MARK}(\d+)_", node.id)
        return self.stand_ins[int(marked[1])] if marked else self._type(node.id)

    def attribute(self, node: ast.Attribute, _depth: int) -> Value:
        """``datetime.timezone.utc``, or a member of an enumeration of the program."""
        name = _dotted(node)
        if name in CONSTANTS:
            self.lines[KNOWN[name.partition(".")[0]]] = None
            return CONSTANTS[name]
        owner, _, member = name.rpartition(".")
        if owner == "typing" and member in TYPING and owner not in self.classes:
            self.lines[KNOWN[owner]] = None
            return Value(name, "type")
        return self._member(owner, member)

    def subscript(self, node: ast.Subscript, depth: int) -> Value:
        """``typing.List[int]``, ``dict[str, int]``: types alone."""
        base = self.value(node.value, depth)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        inner = [self._in_type(part, depth) for part in parts]
        if base.kind != "type" or not inner or any(v.kind not in _IN_TYPES for v in inner):
            raise NoValue
        return Value(f"{base.text}[{', '.join(v.text for v in inner)}]", "type")

    def _in_type(self, node: ast.expr, depth: int) -> Value:
        more = isinstance(node, ast.Constant) and node.value is ...
        return Value("...", "ellipsis") if more else self.value(node, depth)

    def call(self, node: ast.Call, depth: int) -> Value:
        name = RENAMED.get(written := _dotted(node.func), written)
        given = [self.value(argument, depth) for argument in node.args]
        named = {keyword.arg: self.value(keyword.value, depth) for keyword in node.keywords if keyword.arg}
        if len(named) < len(node.keywords):  # ``**more``, or a keyword twice
            raise NoValue
        if name in CONSTRUCTORS and name not in self.classes:
            self._constructed(CONSTRUCTORS[name], given, named)
        elif not self._imported(name).called:
            raise NoValue
        inner = ", ".join([*(v.text for v in given), *(f"{k}={v.text}" for k, v in named.items())])
        return Value(f"{name}({inner})", name.rpartition(".")[2])

    def _constructed(self, constructor: Constructor, given: Sequence[Value], named: Mapping[str, Value]) -> None:
        if not constructor.takes(given, named):
            raise NoValue
        self.lines |= dict.fromkeys(constructor.lines)


_BUILDERS = {
    ast.Constant: _Builder.constant,
    ast.UnaryOp: _Builder.signed,
    ast.BinOp: _Builder.complex,
    ast.List: _Builder.sequence,
    ast.Tuple: _Builder.sequence,
    ast.Set: _Builder.sequence,
    ast.Dict: _Builder.mapping,
    ast.Name: _Builder.name,
    ast.Attribute: _Builder.attribute,
    ast.Subscript: _Builder.subscript,
    ast.Call: _Builder.call,
}


def _bounded(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) < 10**DIGITS
    return not isinstance(value, float | complex) or math.isfinite(abs(value))


def _dotted(node: ast.expr) -> str:
    """``datetime.timezone`` of the nodes that say so; raises NoValue for anything but names and dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise NoValue

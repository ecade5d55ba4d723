"""Converts a value of the wrong type, where it failed or at its origin.

The message and the observed types determine the conversion. If two are possible, the annotation decides, or how the
program reads neighbouring values.
"""

from __future__ import annotations

import ast
import re

from core.repair.localize.dataflow import annotation, origins
from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import identifier, last_name, nodes
from core.repair.propose.base import Changes, Clue, change, failing, module_names
from core.repair.propose.documentation import stated
from core.repair.propose.registry import operator
from core.repair.types import Evidence

NUMBER = re.compile(r"\s*-?\d+(\.\d+)?\s*")
NUMERIC = {"int", "float", "Decimal"}
_PLAIN = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_LAZY = "dict_keys dict_values dict_items odict_keys map filter zip generator enumerate reversed"
# (pattern of the message, types of the value, conversion), where the other operand leaves no choice
_RULES = (
    (r"bytes", "str", '{0}.encode("utf-8")'),
    (r"bytes", "bytes", '{0}.decode("utf-8")'),
    (r"Decimal", "float", "Decimal(str({0}))"),
    (r"not subscriptable|has no len", _LAZY, "list({0})"),
    (r"'tuple' object does not support item (assignment|deletion)", "tuple", "list({0})"),
    (r"unhashable type: 'list'", "list", "tuple({0})"),
    (r"unhashable type: 'set'", "set", "frozenset({0})"),
    (r"as an integer|slice indices must be|not float", "float", "int({0})"),
    (r"expected str, bytes or os.PathLike", "int", "str({0})"),
    (r"string indices must be|'str' object has no attribute '(get|items|keys|values)'", "str", "json.loads({0})"),
)
_CONTAINERS = {"list", "tuple", "set", "frozenset"}
_WANTS_TEXT = re.compile(r"must be str, not bytes|not \"?bytes\"?\) to str|can't concat str|first arg must be str")


@operator("AttributeError", "TypeError")
def of_the_other_side(place: Place) -> Changes:
    """Convert between bytes and text, Decimal and float, a view and a list: only the other operand's type fits."""
    for pattern, kinds, form in _RULES:
        if re.search(pattern, place.message):
            for node in failing(place, *_PLAIN, ast.Constant, ast.BinOp):
                if _kind(place, node) in kinds.split():
                    yield from _here_and_before(place, node, form)


def _kind(place: Place, node: ast.expr) -> str:
    """The observed type; if it is unknown, the one that the message names."""
    named = re.match(r"'(\w+)' object is not subscriptable|object of type '(\w+)' has no", place.message)
    taken = [n.value for n in failing(place, ast.Subscript)]
    taken += [n.args[0] for n in failing(place, ast.Call) if called(n) == "len" and n.args]
    return place.kind(node) or (named[1] or named[2] if named and node in taken else "")


def _here_and_before(place: Place, node: ast.expr, form: str) -> Changes:
    clue = Clue("", f"{place.source(node)} is of type {_kind(place, node)}, which does not fit", Evidence.TYPE)
    unasked = int("code(" in form and ("decode" in form) != bool(_WANTS_TEXT.search(place.message)))
    value, known = place.value(node), module_names(place.module)
    if form.startswith("json") and not (isinstance(value, str) and value[:1] in ("{", "[") and "json" in known):
        return
    literal = 2 * isinstance(node, ast.Constant)
    changed = any(n.value is node and not isinstance(n.ctx, ast.Load) for n in place.expressions(ast.Subscript))
    here_too = [] if changed else [(place, node)]  # a converted copy would take the assignment
    for far, (here, origin) in enumerate([*here_too, *origins(place, node)[:6]], literal):
        if new := _converted(here, origin, form):
            rationale = f"{here.source(origin)} is converted: {new}."
            yield change(here, here.replace(origin, new), rationale, clue, min(far, 1 + literal) + unasked)


def _converted(place: Place, node: ast.expr, form: str) -> str:
    """The converted expression; a literal becomes a literal of the other type, a division an integer division."""
    text = place.source(node)
    if isinstance(node, ast.Constant):
        return _literal(node, form)
    if form.startswith("int(") and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return f"{place.source(node.left)} // {place.source(node.right)}"
    if isinstance(node, ast.Call) and identifier(node.func) in _CONTAINERS and len(node.args) == 1:
        made = form.partition("(")[0]  # list(x) instead of list(tuple(x))
        text = place.source(node.args[0]) if made in _CONTAINERS else text
    bare = text[1:-1] if isinstance(node, ast.GeneratorExp) and text.startswith("(") else text
    return form.format(f"({text})" if isinstance(node, ast.BinOp) and form.startswith("{0}.") else bare)


def _literal(node: ast.Constant, form: str) -> str:
    literal = ast.unparse(node)
    if isinstance(node.value, float):
        return f'Decimal("{literal}")' if "Decimal" in form else ""
    if isinstance(node.value, str) and "encode" in form:
        return f"b{literal}" if node.value.isascii() else ""
    return literal.removeprefix("b") if isinstance(node.value, bytes) and "decode" in form else ""


# --- text and numbers ----------------------------------------------------------------------------


@operator("TypeError")
def as_text(place: Place) -> Changes:
    """Convert a number that is joined with text to text."""
    if re.search(r"sequence item \d+: expected str instance", place.message):
        yield from _joined(place)
    clue = Clue("", "the other side of the sum is text", Evidence.TYPE)
    for node in failing(place, ast.BinOp, ast.AugAssign):
        parts = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
        for part in parts if any(_is_text(place, p) for p in parts) else ():
            if place.kind(part) in ("int", "float", "Decimal", "bool"):
                yield change(place, place.replace(part, f"str({place.source(part)})"), "A number joins a text.", clue)


def _joined(place: Place) -> Changes:
    clue = Clue("", "join makes a text of all its parts", Evidence.TYPE)
    for node in [n for n in failing(place, ast.Call) if called(n) == "join" and n.args]:
        part = node.args[0]
        if isinstance(part, ast.GeneratorExp | ast.ListComp):
            text = place.replace(part.elt, f"str({place.source(part.elt)})")
        else:
            text = place.replace(part, f"map(str, {place.source(part)})")
        yield change(place, text, "Not every part is text: each is turned into text.", clue)


def _is_text(place: Place, node: ast.expr) -> bool:
    """Is it a literal text, or a text that is not a number?"""
    if isinstance(node, ast.BinOp):
        return _is_text(place, node.left) or _is_text(place, node.right)
    value = place.value(node)
    literal = isinstance(node, ast.Constant | ast.JoinedStr) and not isinstance(value, int | float)
    return literal or (isinstance(value, str) and not NUMBER.fullmatch(value))


@operator("TypeError")
def as_number(place: Place) -> Changes:
    """Convert a text to a number: where it was read, where it passed through, or here."""
    if not re.search(
        r"'str'|not str|str\)|can't multiply sequence|\"int\"\) to str|\(not \"(int|float)\"\)", place.message
    ):
        return
    for node in _number_texts(place):
        value = place.value(node)
        whole = isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value)
        annotated = _annotated(place, node)
        call = annotated if annotated in NUMERIC else "int" if whole else "float"
        clue = (
            Clue("", f"{place.source(node)} is annotated {annotated}", Evidence.TYPE) if annotated in NUMERIC else None
        )
        found = [(here, n) for here, n in origins(place, node) if not isinstance(n, ast.Constant) and not _is_number(n)]
        for here, origin in [*found, (place, node)]:
            far = 2 if origin is node else int(not isinstance(origin, ast.Subscript | ast.Call))
            text, why = here.source(origin), clue or _by_default(here, origin) or _as_neighbours(here, origin, call)
            rationale = f"{text} is a text: it becomes a number where it is read."
            new = here.replace(origin, f"{call}({text})")
            answered = _answered(here, origin, new)
            yield change(here, new, rationale, why, far + bool(answered))
            if answered:
                yield change(here, answered, f"{rationale} The handler answers for what is no number.", why, far)


def _answered(place: Place, node: ast.expr, converted: str) -> str:
    """The converted text with the assignment moved into the next ``try``, if that handles what is no number."""
    statement, following = _assigned_before_try(place, node)
    if statement is None or following is None or not any(map(_handles_no_number, following.handlers)):
        return ""
    rows = converted.splitlines(keepends=True)
    first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
    indent = " " * (following.body[0].col_offset - statement.col_offset)
    moved = [f"{indent}{row}" for row in rows[first:last]]
    return "".join(
        [*rows[:first], *rows[last : following.body[0].lineno - 1], *moved, *rows[following.body[0].lineno - 1 :]]
    )


def _assigned_before_try(place: Place, node: ast.expr) -> tuple[ast.stmt | None, ast.Try | None]:
    """The assignment of the value, and the ``try`` that is the next statement."""
    for block in (getattr(n, "body", None) for n in ast.walk(place.scope)):
        for one, other in zip(block, block[1:], strict=False) if isinstance(block, list) else ():
            if isinstance(one, ast.Assign) and one.value is node and isinstance(other, ast.Try):
                return one, other
    return None, None


def _handles_no_number(handler: ast.ExceptHandler) -> bool:
    return (
        "ValueError" in {last_name(n) for n in nodes(handler.type, ast.Name, ast.Attribute)} if handler.type else False
    )


def _by_default(place: Place, node: ast.expr) -> Clue | None:
    """Evidence: the lookup's own default is a number, ``query.get("page", 1)``."""
    default = node.args[1] if isinstance(node, ast.Call) and called(node) == "get" and len(node.args) == 2 else None
    if not isinstance(default, ast.Constant) or type(default.value) not in (int, float):
        return None
    return Clue("", f"{place.source(node)} is a number by default", Evidence.TYPE)


def _number_texts(place: Place) -> list[ast.expr]:
    """Parts of the failing expression that are numeric texts, or texts of unknown value."""
    parts = [n for n in failing(place, *_PLAIN) if place.kind(n) == "str"]
    numeric = [n for n in parts if isinstance(place.value(n), str) and NUMBER.fullmatch(place.value(n))]
    listed = [n for n in failing(place, ast.Name, ast.Attribute) if _holds_numbers(place.value(n))]
    return numeric or listed or [n for n in parts if place.value(n) is ...]


def _holds_numbers(value: object) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(v, str) and NUMBER.fullmatch(v) for v in value)


def _annotated(place: Place, node: ast.expr) -> str:
    """The annotated type of the name, the field or the key."""
    name = last_name(node)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = str(node.slice.value)
    return re.sub(r"Optional\[(\w+)\]| \| None", r"\1", annotation(place, name)) if name else ""


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and called(node) in NUMERIC | {"len", "sum", "round", "abs"}


def _as_neighbours(place: Place, node: ast.expr, call: str) -> Clue | None:
    """Evidence: neighbours use the same conversion (other entries, other arguments, the same function, the file)."""
    for entries in map(_entries, nodes(place.module, ast.Dict, ast.Call)):
        near = [v for v in entries if _is_number(v) and v is not node]
        if near and any(v is node for v in entries):
            return Clue("", f"{place.path}:{near[0].lineno} reads its neighbours as numbers", Evidence.SIBLING)
    for far, (scope, names) in enumerate(((place.scope, NUMERIC), (place.module, {call}))):
        for other in nodes(scope, ast.Call):
            if isinstance(other.func, ast.Name) and other.func.id in names:
                return Clue(
                    "", f"line {other.lineno} reads another value with {other.func.id}()", Evidence.SIBLING, far
                )
    return stated(place, r"\b(?:whole numbers?|integers?|as (?:a )?numbers?|numeric)\b")


def _entries(node: ast.Dict | ast.Call) -> list[ast.expr]:
    return list(node.values) if isinstance(node, ast.Dict) else [*node.args, *(k.value for k in node.keywords)]

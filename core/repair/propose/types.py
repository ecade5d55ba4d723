"""Values of another type than meant: converted at their origin, where that is known, rather than where they hurt."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from core.repair.localize.dataflow import annotation, caller_of, origins
from core.repair.localize.locate import Place
from core.repair.localize.sources import called
from core.repair.localize.syntax import documentation, last_line, last_name, nodes
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import Said, saying
from core.repair.propose.evidence import modules
from core.repair.propose.registry import template
from core.repair.propose.suspects import failing

NUMBER = re.compile(r"\s*-?\d+(\.\d+)?\s*")
NUMERIC = {"int", "float", "Decimal"}
_PLAIN = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


@template("AttributeError", "TypeError")
def bridge(place: Place) -> Changes:
    """Text and numbers, text and bytes, Decimal and float, one and many."""
    message = place.crash.exception.message
    if "NoneType" in message:
        return
    for pattern, make in _BRIDGES:
        if re.search(pattern, message):
            yield from make(place)
            return


def _joined(place: Place) -> Changes:
    said = Said("", "join makes a text of all its parts", 0.88)
    for node in failing(place, ast.Call):
        if called(node) == "join" and node.args:
            part = node.args[0]
            if isinstance(part, ast.GeneratorExp | ast.ListComp):
                text = place.replace(part.elt, f"str({place.source(part.elt)})")
            else:
                text = place.replace(part, f"map(str, {place.source(part)})")
            yield change(place, text, "Not every part is text: each is turned into text.", said)


def _concatenated(place: Place) -> Changes:
    """A sum of text and number: the number becomes text where text is built, the text a number where one sums."""
    said = Said("", "the other side of the sum is text", 0.84)
    for node in failing(place, ast.BinOp, ast.AugAssign):
        parts = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
        for part in parts if any(_is_text(place, p) for p in parts) else ():
            if place.kind(part) in ("int", "float", "Decimal", "bool"):
                text = place.replace(part, f"str({place.source(part)})")
                yield change(place, text, "A number joins a text as text.", said)
    yield from _numbers(place)


def _is_text(place: Place, node: ast.expr) -> bool:
    """A literal text, or one that does not read as a number."""
    if isinstance(node, ast.BinOp):
        return _is_text(place, node.left) or _is_text(place, node.right)
    value = place.value(node)
    literal = isinstance(node, ast.Constant | ast.JoinedStr) and not isinstance(value, int | float)
    return literal or (isinstance(value, str) and not NUMBER.fullmatch(value))


def _numbers(place: Place) -> Changes:
    """A text where a number is meant: converted at its origin first, each place where it passed, then here."""
    for node in _texts(place):
        value = place.value(node)
        call = "int" if isinstance(value, str) and re.fullmatch(r"\s*-?\d+\s*", value) else "float"
        yield from _converted(place, node, call)


def _texts(place: Place) -> list[ast.expr]:
    """Parts of the failing expression that are texts reading as numbers, or texts of unknown value."""
    parts = [n for n in failing(place, *_PLAIN) if place.kind(n) == "str"]
    numeric = [n for n in parts if isinstance(place.value(n), str) and NUMBER.fullmatch(place.value(n))]
    listed = [n for n in failing(place, ast.Name, ast.Attribute) if _numbers_in(place.value(n))]
    return numeric or listed or parts


def _numbers_in(value: object) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(v, str) and NUMBER.fullmatch(v) for v in value)


def _converted(place: Place, node: ast.expr, call: str) -> Changes:
    told = _kind_told(place, node)
    call = told if told in NUMERIC else call
    said = Said("", f"{place.source(node)} is annotated {told}", 0.86) if told in NUMERIC else None
    for at, origin in origins(place, node):
        if not isinstance(origin, ast.Constant) and not _is_conversion(origin):
            text = at.source(origin)
            says = f"{text} comes as text: it becomes a number where it is read."
            first_hand = isinstance(origin, ast.Subscript | ast.Call)  # of a row, a form, a query, the environment
            new, why = _typed(at, origin, f"{call}({text})"), _both(said, _idiom(at, origin, call))
            yield change(at, new, says, why, less=0.0 if first_hand else 0.02)
    text = place.replace(node, f"{call}({place.source(node)})")
    says = f"{place.source(node)} comes as text: it is read as a number here."
    yield change(place, text, says, said or _idiom(place, node, call), 0.82)


def _both(said: Said | None, idiom: Said | None) -> Said | None:
    """The annotation and the neighbours' way of reading together say more than either."""
    return Said("", f"{said.words}; {idiom.words}", 0.9) if said and idiom else said or idiom


def _typed(place: Place, node: ast.expr, new: str) -> str:
    """The conversion, inside of a try of the same function that handles its refusal, when there is one below."""
    return _moved(place, node, new) or place.replace(node, new)


def _moved(place: Place, node: ast.expr, new: str) -> str | None:
    """A conversion that can be refused goes into the try that answers for a ValueError right below it."""
    body = place.function.body if place.function else []
    for statement, after in zip(body, body[1:], strict=False):
        holds = isinstance(statement, ast.Assign) and any(n is node for n in ast.walk(statement))
        if holds and isinstance(after, ast.Try) and any(_handles(h) for h in after.handlers):
            rows = place.text.splitlines(keepends=True)
            line = place.source(statement).replace(place.source(node), new, 1)
            first = after.body[0]
            moved = " " * first.col_offset + line + "\n"
            kept = rows[: statement.lineno - 1] + rows[last_line(statement) : first.lineno - 1]
            return "".join([*kept, moved, *rows[first.lineno - 1 :]])
    return None


def _handles(handler: ast.ExceptHandler) -> bool:
    return handler.type is not None and "ValueError" in ast.unparse(handler.type)


def _kind_told(place: Place, node: ast.expr) -> str:
    """The type that an annotation gives the name, the field or the key."""
    name = last_name(node)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = str(node.slice.value)
    told = annotation(place, name) if name else ""
    return re.sub(r"Optional\[(\w+)\]|(?<!\s)\s*+\|\s*None", r"\1", told)


def _is_conversion(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and called(node) in NUMERIC | {"len", "sum", "round", "abs"}


def _idiom(place: Place, node: ast.expr, call: str) -> Said | None:
    """Neighbours are read with the same conversion: other entries of the dict, other arguments, the same function."""
    for entries in map(_entries, nodes(place.module, ast.Dict, ast.Call)):
        near = [v for v in entries if _is_conversion(v) and v is not node]
        if near and any(v is node for v in entries):
            return Said("", f"{place.path}:{near[0].lineno} reads its neighbours as numbers", 0.88)
    for scope, names, trust in ((place.scope, NUMERIC, 0.86), (place.module, {call}, 0.82)):
        for other in nodes(scope, ast.Call):
            if isinstance(other.func, ast.Name) and other.func.id in names:
                return Said("", f"line {other.lineno} reads another value with {other.func.id}()", trust)
    return _said_number(place)


def _said_number(place: Place) -> Said | None:
    """The documentation speaks of numbers."""
    for _, module in modules(place):
        for node in nodes(module, ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef):
            words = r"\b(?:whole numbers?|integers?|as (?:a )?numbers?|numeric)\b"
            if found := saying(words, documentation(node), ""):
                return Said("", f"the documentation says: {found[:160]}", 0.84)
    return None


def _entries(node: ast.Dict | ast.Call) -> list[ast.expr]:
    return list(node.values) if isinstance(node, ast.Dict) else [*node.args, *(k.value for k in node.keywords)]


# --- bytes, Decimal, one and many ----------------------------------------------------------------


def _encoded(place: Place) -> Changes:
    """Bytes and text meet: one becomes the other, here or where it came from."""
    for node in failing(place, ast.Name, ast.Attribute, ast.Call, ast.Constant, ast.Subscript):
        kind = place.kind(node)
        if isinstance(node, ast.Constant) and kind in ("str", "bytes"):
            yield from _other_literal(place, node)
        elif kind in ("str", "bytes"):
            yield from _recoded(place, node, "encode" if kind == "str" else "decode")


def _other_literal(place: Place, node: ast.Constant) -> Changes:
    literal = ast.unparse(node)
    other = f"b{literal}" if isinstance(node.value, str) and node.value.isascii() else literal.removeprefix("b")
    said = Said("", "the other side is bytes" if other.startswith("b") else "the other side is text", 0.84)
    yield change(place, place.replace(node, other), "The literal is of the other type.", said, less=0.02)


_WANTS_TEXT = re.compile(r"must be str, not bytes|not \"?bytes\"?\) to str|can't concat str|first arg must be str")


def _recoded(place: Place, node: ast.expr, method: str) -> Changes:
    wanted = (method == "decode") == bool(_WANTS_TEXT.search(place.message))
    said = Said("", "bytes are asked for" if method == "encode" else "text is asked for", 0.86 if wanted else 0.83)
    text = place.source(node)
    yield change(place, place.replace(node, f'{text}.{method}("utf-8")'), f"{text} is {method}d here.", said)
    for at, origin in [found for found in origins(place, node)[:4] if not isinstance(found[1], ast.Constant)]:
        source = at.source(origin)
        new = at.replace(origin, f'{source}.{method}("utf-8")')
        yield change(at, new, f"{source} is {method}d at its origin.", said, less=0.02)


def _decimals(place: Place) -> Changes:
    """Decimal and float: money stays Decimal, by way of text so that no binary digits come in."""
    said = Said("", "the other side is a Decimal, which keeps exact amounts", 0.86)
    for node in [n for n in failing(place, *_PLAIN, ast.Constant) if place.kind(n) == "float"]:
        text = place.source(node)
        yield change(place, place.replace(node, _exact(place, node)), f"{text} becomes a Decimal.", said)
        for at, origin in origins(place, node)[:4]:
            if "Decimal" in at.text.split("def ", 1)[0]:  # it is imported there
                says = f"{at.source(origin)} becomes a Decimal at its origin."
                yield change(at, at.replace(origin, _exact(at, origin)), says, said, less=0.02)


def _exact(place: Place, node: ast.expr) -> str:
    text = place.source(node)
    return f'Decimal("{text}")' if isinstance(node, ast.Constant) else f"Decimal(str({text}))"


def _whole(place: Place) -> Changes:
    """A float where a whole number is needed: from a division that was meant whole."""
    for node in failing(place, ast.Name, ast.Attribute, ast.BinOp, ast.Call):
        if place.kind(node) not in ("float", ""):
            continue
        for at, origin in [(place, node), *origins(place, node)]:
            if isinstance(origin, ast.BinOp) and isinstance(origin.op, ast.Div):
                new = f"{at.source(origin.left)} // {at.source(origin.right)}"
                said = Said("", "the result is used as a whole number", 0.86)
                yield change(at, at.replace(origin, new), "The division is meant whole.", said)
        if place.kind(node) == "float":
            yield change(place, place.replace(node, f"int({place.source(node)})"), "A whole number is needed here.")


def _single(place: Place) -> Changes:
    """One object where a list is meant, or a JSON text where its content is."""
    for node in failing(place, ast.Name, ast.Attribute, ast.Subscript, ast.Call):
        kind, text = place.kind(node), place.source(node)
        value = place.value(node)
        if isinstance(value, str) and value[:1] in "{[" and re.search(r"^(import json|from json)", place.text, re.M):
            said = Said("", "the value is JSON text, and the module reads JSON", 0.82)
            for at, origin in [(place, node), *origins(place, node)[:3]]:
                yield change(at, at.replace(origin, f"json.loads({at.source(origin)})"), f"{text} is JSON text.", said)
        if kind == "dict":
            yield from _as_list(place, node)
    for at, loop in _loops_over_one(place):
        yield from _as_list(at, loop)


def _loops_over_one(place: Place) -> Iterator[tuple[Place, ast.expr]]:
    """Iterations, here or in the callers, over what is a single dict."""
    current: Place | None = place
    for _ in range(3):
        if current is None:
            return
        for node in ast.walk(current.function or current.module):
            if isinstance(node, ast.For | ast.comprehension) and current.kind(node.iter) == "dict":
                yield current, node.iter
        current = caller_of(current)


_ONE = r"\b(?:single|one|a list or|or a list|either)\b"


def _as_list(place: Place, node: ast.expr) -> Changes:
    found = saying(_ONE, documentation(place.function), "") or saying(_ONE, documentation(place.module), "")
    said = Said("", f"the documentation says: {found[:160]}", 0.86) if found else None
    text = place.source(node)
    new = f"([{text}] if isinstance({text}, dict) else {text})"
    yield change(place, place.replace(node, new), f"{text} may be a single object: it is taken as a list of one.", said)


_BRIDGES = (
    (r"sequence item \d+: expected str instance", _joined),
    (r"bytes", _encoded),
    (r"Decimal", _decimals),
    (r"(can only concatenate str|must be str, not (int|float|Decimal))", _concatenated),
    (r"unsupported operand type\(s\) for \+: '(int|float)' and 'str'|unsupported operand type.*'str'", _concatenated),
    (
        r"'float' object cannot be interpreted as an integer|slice indices must be|"
        r"indices must be integers or slices, not float",
        _whole,
    ),
    (
        r"indices must be integers or slices, not str|string indices must be|"
        r"'(str|list)' object has no attribute '(get|items|keys|values)'",
        _single,
    ),
    (r"'str'|not str|str\)|can't multiply sequence", _numbers),
)


@template("ValueError", "InvalidOperation")
def number_text(place: Place) -> Changes:
    """``int('1,200')``, ``float('3,5 €')``: the separators that the documentation speaks of are taken out."""
    found = re.search(_NO_NUMBER, place.message)
    if not found and "ConversionSyntax" not in place.message:
        return
    for node in failing(place, ast.Call):
        if called(node) in NUMERIC and node.args:
            told = found[1].strip("'\"") if found else place.value(node.args[0])
            yield from _cleaned(place, node, told if isinstance(told, str) else "")


_NO_NUMBER = r"(?:invalid literal for int\(\) with base 10|could not convert string to float): (.+)$"


def _cleaned(place: Place, node: ast.Call, value: str) -> Changes:
    text, call = place.source(node.args[0]), called(node)
    docs = documentation(place.module) + documentation(place.function)
    for pattern, new, words in _CLEANINGS:
        if re.fullmatch(pattern, value):
            told = saying(words, docs)
            said = Said("", f"the documentation says: {told[:160]}", 0.86) if told else None
            cleaned = place.replace(node, new.format(text, call))
            yield change(place, cleaned, f"{text} is written with separators.", said)


# (text that was refused, new expression, words of the documentation that allow it)
_CLEANINGS = (
    (r"-?\d{1,3}(,\d{3})+(\.\d+)?", '{1}({0}.replace(",", ""))', r"thousand|1,\d{3}|separator"),
    (r"-?\d+,\d{1,2}", '{1}({0}.replace(",", "."))', r"comma|\d,\d"),
    (r"-?\d{1,3}(\.\d{3})*,\d+", '{1}({0}.replace(".", "").replace(",", "."))', r"comma|\d,\d|separator"),
    (r"-?\d+\.\d+", "int(float({0}))", r"decimal|\d\.\d|fraction"),
    (r"\s*-?[\d.]+\s*%", '{1}({0}.strip().rstrip("%"))', r"%|percent"),
    (r"\s*[$€£]\s?-?[\d.]+", '{1}({0}.strip().lstrip("$€£ "))', r"[$€£]|currency|symbol"),
    (r"-?[\d ]+", '{1}({0}.replace(" ", ""))', r"space|separator"),
)

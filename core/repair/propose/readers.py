"""One reader for each exception: which expression failed, and under which condition it would not have. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from core.repair.localize.locate import Place
from core.repair.localize.sources import UNREADABLE, called
from core.repair.localize.syntax import last_name, nodes, receiver
from core.repair.propose.documentation import words_of
from core.repair.propose.suspects import DIVISIONS, HOLE, ZERO, Suspect, failing, repeatable

_KIND_WORDS = {
    **dict.fromkeys(ZERO, frozenset({"zero", "nothing", "empty", "without", "none"})),
    "IndexError": frozenset({"empty", "nothing", "without", "none", "last"}),
    "StopIteration": frozenset({"none", "nothing", "empty"}),
}


def suspects(place: Place) -> Iterator[Suspect]:
    """Suspects of the place's crash; empty when the exception is none that a missing value explains."""
    message, kind = place.crash.exception.message, place.crash.exception.type.rsplit(".", 1)[-1]
    if kind in ("TypeError", "AttributeError") and "None" in message:
        found = _none(place)
    else:
        reader = _READERS.get(kind)
        found = reader(place, message) if reader else iter(())
    for suspect in found:
        names = [place.source(suspect.node), place.function.name if place.function else "", str(suspect.key or "")]
        yield replace(suspect, about=suspect.about | words_of(*names) | _KIND_WORDS.get(kind, frozenset()))


# --- None ----------------------------------------------------------------------------------------

_NEUTRAL = (
    {name: ("{}",) for name in ("get", "items", "keys", "values", "setdefault", "copy")}
    | {name: ('""',) for name in dir(str) if not name.startswith("_")}
    | {name: ("[]",) for name in ("append", "extend", "sort")}
)


def _none(place: Place) -> Iterator[Suspect]:
    known = [n for n in _parts(place) if place.kind(n) == "NoneType" and not isinstance(n, ast.Constant)]
    unknown = [n for n in _parts(place) if not place.kind(n) and isinstance(n, ast.Call)]
    for node in known or unknown:
        text = place.source(node)
        top = place.failing or node
        yield Suspect(
            top, node, f"{text} is not None", f"{text} is None", _instead(place, top, node), _harmless(place, node),
            key=key_of(node),
        )  # fmt: skip


def key_of(node: ast.expr) -> object:
    """The key of a lookup, the attribute's or variable's name."""
    if isinstance(node, ast.Call) and called(node) == "get" and node.args and isinstance(node.args[0], ast.Constant):
        return node.args[0].value
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value
    return last_name(node) or None


def _parts(place: Place) -> list[ast.expr]:
    """What the failing expression works on; without a known span, every part of the line's statement."""
    node = place.failing
    if node is None:
        return place.expressions(*_PARTS)
    if isinstance(node, ast.JoinedStr | ast.FormattedValue):
        found: list[ast.AST] = [n.value for n in nodes(node, ast.FormattedValue)]
    elif isinstance(node, ast.Call):
        found = [*node.args, *(k.value for k in node.keywords), *_inside(place, node)]
        found += filter(None, [receiver(node)])
    else:
        found = _inside(place, node)
    return [n for n in dict.fromkeys(found) if isinstance(n, _PARTS)]


_PARTS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


def _inside(place: Place, node: ast.expr) -> list[ast.AST]:
    """What is directly in the expression; itself, where it is None."""
    inner = list(ast.iter_child_nodes(node))
    return [*inner, node] if isinstance(node, _PARTS) and place.kind(node) == "NoneType" else inner


def _instead(place: Place, top: ast.expr, node: ast.expr) -> tuple[str, ...]:
    whole, part = place.source(top), place.source(node)
    alone = f"({part})" in whole
    return (whole.replace(part, f"{part} or {HOLE}" if alone else f"({part} or {HOLE})", 1),)


def _harmless(place: Place, node: ast.expr) -> tuple[str, ...]:
    """Literals that can stand for the missing, by the first use of it in the line; else by a loop over it."""
    for use in place.expressions(ast.Attribute, ast.Subscript, ast.BinOp, ast.Compare, ast.Call):
        found = _harmless_in(place, use, node)
        if found is not None:
            return found
    around = nodes(place.scope, ast.For, ast.comprehension)
    return ("()",) if any(n.iter is node for n in around) else ()


def _harmless_in(place: Place, use: ast.expr, node: ast.expr) -> tuple[str, ...] | None:
    """What one use of the missing can do with; None where it does not use it."""
    if isinstance(use, ast.Attribute):
        return _NEUTRAL.get(use.attr, ()) if use.value is node else None
    if isinstance(use, ast.BinOp):
        return ("0",) if node in (use.left, use.right) else None
    if isinstance(use, ast.Subscript) and use.value is node:
        return ("{}",) if isinstance(place.value(use.slice), str) else ("()",)
    return ("()",) if _goes_through(use, node) else None


def _goes_through(use: ast.expr, node: ast.expr) -> bool:
    """A call or a membership test that looks at all that the node holds."""
    if isinstance(use, ast.Call):
        return node in use.args and called(use) in ("len", "sum", "sorted", "list", "set", "join")
    return isinstance(use, ast.Compare) and node in use.comparators and isinstance(use.ops[0], ast.In | ast.NotIn)


# --- lookups -------------------------------------------------------------------------------------


def _missing_key(place: Place, message: str) -> Iterator[Suspect]:
    try:
        missing = ast.literal_eval(message)
    except UNREADABLE:
        missing = message
    for node in failing(place, ast.Subscript):
        if isinstance(node.ctx, ast.Load | ast.Del) and _may_lack(place, node, missing):
            base, key = place.source(node.value), place.source(node.slice)
            yield Suspect(
                node, node, f"{key} in {base}", f"{key} not in {base}", (f"{base}.get({key}, {HOLE})",),
                _sum_or_nothing(place, node), key=missing if isinstance(node.slice, ast.Constant) else key,
            )  # fmt: skip
    for node in failing(place, ast.Call):
        owner = receiver(node)
        if owner is not None and called(node) in ("pop", "remove") and len(node.args) == 1:
            base, key = place.source(owner), place.source(node.args[0])
            forms = (f"{base}.pop({key}, {HOLE})" if called(node) == "pop" else f"{base}.discard({key})",)
            yield Suspect(node, node, f"{key} in {base}", f"{key} not in {base}", forms, ("None",), key=missing)


def _may_lack(place: Place, node: ast.Subscript, missing: object) -> bool:
    """The subscript asks for the missing key, as far as that can be told, and not for a part of a sequence."""
    if isinstance(node.slice, ast.Slice) or place.kind(node.value) in ("str", "list", "tuple"):
        return False
    return place.value(node.slice) in (missing, ...)


def _sum_or_nothing(place: Place, node: ast.Subscript) -> tuple[str, ...]:
    summed = any(node in (n.left, n.right) for n in place.expressions(ast.BinOp))
    return ("0",) if summed else ("None", '""', "0")


def _missing_position(place: Place, message: str) -> Iterator[Suspect]:
    for node in failing(place, ast.Subscript):
        if not isinstance(node.slice, ast.Slice) and not isinstance(place.value(node.slice), str):
            enough = _enough(place, node.slice, place.source(node.value))
            yield Suspect(node, node.value, enough, _not(enough), (), ("None",))
    for node in failing(place, ast.Call):
        owner = receiver(node)
        if called(node) in ("pop", "popleft") and owner is not None:
            base = place.source(owner)
            enough = _enough(place, node.args[0], base) if node.args else base
            yield Suspect(node, owner, enough, _not(enough), (), ("None",))
        elif called(node) == "choice" and node.args:
            base = place.source(node.args[0])
            yield Suspect(node, node.args[0], base, f"not {base}", (), ("None",))


def _enough(place: Place, at: ast.expr, base: str) -> str:
    """The condition under which the position exists."""
    number = _number(place, at)
    if number is None:
        return f"{place.source(at)} < len({base})"
    later = _positions(place, base)
    if number in (0, -1) and not any(n > 0 for n in later):
        return base
    return f"len({base}) >= {-number}" if number < 0 else f"len({base}) > {max([number, *later])}"


def _positions(place: Place, base: str) -> list[int]:
    """Positions that the statement takes of the same sequence, written out as plain numbers."""
    taken = [n.slice for n in place.expressions(ast.Subscript) if place.source(n.value) == base]
    numbers = [_number(place, n) for n in taken if isinstance(n, ast.Constant)]
    return [n for n in numbers if n is not None]


def _number(place: Place, node: ast.expr) -> int | None:
    """A whole number that is written out, also with a sign, or that a signed name was seen to be."""
    if not isinstance(node, ast.Constant | ast.UnaryOp):
        return None
    signed = isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant)
    value = node.operand.value if signed else place.value(node)
    if type(value) is not int:
        return None
    return -value if signed else value


def _not(condition: str) -> str:
    for yes, no in _OPPOSITES:
        if condition.count(yes) == 1:
            return condition.replace(yes, no)
    return f"not {condition}"


_OPPOSITES = (
    (" not in ", " in "),
    (" in ", " not in "),
    (" >= ", " < "),
    (" > ", " <= "),
    (" < ", " >= "),
    (" <= ", " > "),
)


# --- numbers -------------------------------------------------------------------------------------


def _division(place: Place, message: str) -> Iterator[Suspect]:
    for node in failing(place, ast.BinOp):
        if type(node.op).__name__ in DIVISIONS and (
            place.value(node.right) in (0, 0.0, ...) or place.kind(node.right) == "Decimal"
        ):
            divisor = _bare(place.source(node.right))
            neutral = ("0.0",) if isinstance(node.op, ast.Div) else ("0",)
            if repeatable(node.right):
                yield Suspect(node, node.right, divisor, f"not {_factor(divisor)}", (), neutral)


def _bare(name: str) -> str:
    return name[1:-1] if name.startswith("(") and name.endswith(")") and name.count("(") == 1 else name


def _factor(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+(\(.*\))?(\[.*\])?", text) else f"({text})"


def _value_error(place: Place, message: str) -> Iterator[Suspect]:
    for pattern, names, condition, neutral in _VALUE_ERRORS:
        if not re.search(pattern, message):
            continue
        for node in failing(place, ast.Call):
            if called(node) in names:
                for suspect in _conditioned(place, node, condition, neutral):
                    yield replace(suspect, doubt=_width(place, condition, suspect.missing))


def _width(place: Place, condition: str, node: ast.expr) -> float:
    """How much wider than the crash asks a condition on a text is."""
    value = place.value(node)
    if condition.endswith("isdigit()"):
        return 0.0 if isinstance(value, str) and value.strip() else 0.06
    return 0.03 if condition.endswith("strip()") and value == "" else 0.0


# (message, called, condition on {0} the argument and {1} the receiver, harmless values)
_VALUE_ERRORS = (
    (r"arg is an empty sequence|iterable argument is empty", {"max", "min"}, "{0}", ("None",)),
    (r"requires at least (one|two) data point", {"mean", "median", "mode", "fmean", "pstdev"}, "{0}", ("0.0",)),
    (r"requires at least two data points", {"stdev", "variance"}, "len({0}) > 1", ("0.0",)),
    (r"chr\(\) arg not in range", {"chr"}, "{0} <= 0x10FFFF", ()),
    (r"math domain error", {"sqrt"}, "{0} >= 0", ()),
    (r"math domain error", {"log", "log2", "log10"}, "{0} > 0", ()),
    (r"not in list$|x not in (list|deque)", {"index", "remove"}, "{0} in {1}", ("-1",)),
    (r"substring not found", {"index", "rindex"}, "{0} in {1}", ("-1",)),
    (r"invalid literal for int\(\)|could not convert string to float", {"int", "float"}, "{0}", ("0",)),
    (r"invalid literal for int\(\)", {"int"}, "{0}.strip()", ()),
    (r"invalid literal for int\(\)", {"int"}, "{0}.strip().isdigit()", ()),
    (r"Invalid isoformat string|does not match format|time data ''", {"fromisoformat", "strptime"}, "{0}", ("None",)),
    (r"Sample larger than population", {"sample"}, "", ()),
    (r"Expecting value: line 1 column 1 \(char 0\)", {"loads"}, "{0}", ("{}",)),
)  # fmt: skip


def _conditioned(place: Place, node: ast.Call, condition: str, neutral: tuple[str, ...]) -> Iterator[Suspect]:
    if not node.args or not condition:
        return
    first, owner = node.args[0], receiver(node)
    good = condition.format(place.source(first), place.source(owner) if owner is not None else "")
    if called(node) in ("max", "min") and len(node.args) == 1 and isinstance(first, ast.GeneratorExp):
        good = ""  # a generator can be asked once
    yield Suspect(node, first, good, _not(good) if good else "", _forms(place, node, first), neutral)


def _forms(place: Place, node: ast.Call, first: ast.expr) -> tuple[str, ...]:
    """The call with a value for the missing: ``max(rows, default=0)``, ``int(text or 0)``, ``text.find(part)``."""
    name, alone = called(node), len(node.args) == 1
    if name in ("max", "min") and alone:
        bare, inner = place.source(node)[:-1].rstrip().rstrip(","), place.source(first)
        generator = isinstance(first, ast.GeneratorExp) and not inner.startswith("(")
        return (f"{bare.replace(inner, f'({inner})', 1) if generator else bare}, default={HOLE})",)
    if name in ("int", "float") and alone and place.value(first) in ("", ...):
        return (f"{name}({place.source(first)} or {HOLE})",)
    found = name in ("index", "rindex") and "substring" in place.message
    return (place.source(node).replace("index(", "find("),) if found else ()


def _exhausted(place: Place, message: str) -> Iterator[Suspect]:
    for node in failing(place, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "next" and len(node.args) == 1:
            inner = place.source(node.args[0])
            generator = isinstance(node.args[0], ast.GeneratorExp) and not inner.startswith("(")
            inner = f"({inner})" if generator else inner
            yield Suspect(node, node, "", "", (f"next({inner}, {HOLE})",), ("None",))


def _reduced(place: Place, message: str) -> Iterator[Suspect]:
    if "reduce() of empty" not in message:
        return
    for node in failing(place, ast.Call):
        if called(node) == "reduce" and len(node.args) == 2:
            inner, rows = place.source(node)[:-1].rstrip().rstrip(","), node.args[1]
            good = place.source(rows) if isinstance(rows, ast.Name | ast.Attribute) else ""
            yield Suspect(node, rows, good, f"not {good}" if good else "", (f"{inner}, {HOLE})",), ())


_READERS = {
    "TypeError": _reduced,
    "KeyError": _missing_key,
    "IndexError": _missing_position,
    **dict.fromkeys(ZERO, _division),
    "ValueError": _value_error,
    "StatisticsError": _value_error,
    "JSONDecodeError": _value_error,
    "StopIteration": _exhausted,
}

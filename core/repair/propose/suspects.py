"""The suspects of a crash: one reader for each exception. Pure.

The condition follows from the language's own rule for the exception: a key is in its mapping, a position is below the
length, a divisor is not zero, an object is not None. Each operator repairs a suspect in its own way.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from core.repair.localize.locate import Place
from core.repair.localize.sources import UNREADABLE, called, literal
from core.repair.localize.syntax import identifier, last_name, nodes, receiver
from core.repair.propose.base import failing, opened
from core.repair.propose.documentation import NOT_THERE, NOTHING, words_of
from core.repair.propose.suspect import HOLE, REJECTS, ZERO, Suspect, negated, repeatable

_PARTS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_UNREADABLE = frozenset({"invalid", "malformed", "unreadable", "broken", "number", "text"})


def read(place: Place) -> Iterator[Suspect]:
    """Suspects of the place's line; none if no missing value explains the exception."""
    kind = place.kind_raised
    none = kind in ("TypeError", "AttributeError") and "None" in place.message
    reader = _none if none else _READERS.get(kind)
    if kind in ("TypeError", "AttributeError") and not none:
        reader = _empty
    for suspect in [*(reader(place) if reader else ()), *_rejected(place)]:
        names = [place.source(suspect.node), place.function.name if place.function else "", str(suspect.key or "")]
        words = _UNREADABLE if suspect.error else NOT_THERE if none or kind == "KeyError" else NOTHING
        yield replace(suspect, about=suspect.about | words_of(*names) | words)


def _rejected(place: Place) -> Iterator[Suspect]:
    """The call that cannot read its argument, where no condition says so beforehand."""
    error = REJECTS.get(place.kind_raised, "")
    calls = [n for n in failing(place, ast.Call) if n.args or receiver(n) is not None]
    for node in calls[-1:] if error else ():
        yield Suspect(node, [*node.args, receiver(node) or node][0], error=error, far=1)


# --- None ----------------------------------------------------------------------------------------

_NEUTRAL = (
    {name: ("{}",) for name in ("get", "items", "keys", "values", "setdefault", "copy")}
    | {name: ('""',) for name in dir(str) if not name.startswith("_")}
    | {name: ("[]",) for name in ("append", "extend", "sort")}
)
_CONTAINER_CALLS = ("len", "sum", "sorted", "list", "set", "join")


def _none(place: Place) -> Iterator[Suspect]:
    known = [n for n in _parts(place) if place.kind(n) == "NoneType" and not isinstance(n, ast.Constant)]
    unknown = [n for n in _parts(place) if not place.kind(n) and isinstance(n, ast.Call)]
    for node in known or unknown:
        text, top = place.source(node), place.failing or node
        good, bad = f"{text} is not None", f"{text} is None"
        form, harmless = _instead(place, top, node), _harmless(place, node)
        yield Suspect(top, node, good, bad, form, harmless, key=key_of(node))


def _empty(place: Place) -> Iterator[Suspect]:
    """A call that rejects its argument, else a value that was unexpectedly empty."""
    called_ = list(_value(place))
    yield from called_
    for node in [] if called_ else _parts(place):
        if place.value(node) in ("", b"", [], {}, ()) and isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            text = place.source(node)
            yield Suspect(place.failing or node, node, text, negated(text), key=key_of(node))


def key_of(node: ast.expr) -> object:
    """The key of a lookup, the attribute's or variable's name."""
    if isinstance(node, ast.Call) and called(node) == "get" and node.args and isinstance(node.args[0], ast.Constant):
        return node.args[0].value
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value
    return last_name(node) or None


def _parts(place: Place) -> list[ast.expr]:
    """The operands of the failing expression; without a known span, every part of the line's statement."""
    node = place.failing
    if node is None:
        return place.expressions(*_PARTS)
    if isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        found: list[ast.AST] = [part.iter for part in node.generators]
    elif isinstance(node, ast.JoinedStr | ast.FormattedValue):
        found = [n.value for n in nodes(node, ast.FormattedValue)]
    else:
        given = [*node.args, *(k.value for k in node.keywords)] if isinstance(node, ast.Call) else []
        itself = [node] if isinstance(node, _PARTS) and place.kind(node) == "NoneType" else []
        owner = [node.func.value] if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else []
        found = [*given, *ast.iter_child_nodes(node), *itself, *owner]
    return [n for n in dict.fromkeys(found) if isinstance(n, _PARTS)]


def _instead(place: Place, top: ast.expr, node: ast.expr) -> str:
    whole, part = place.source(top), place.source(node)
    alone = f"({part})" in whole
    return whole.replace(part, f"{part} or {HOLE}" if alone else f"({part} or {HOLE})", 1)


def _harmless(place: Place, node: ast.expr) -> tuple[str, ...]:
    """Literals that can replace the missing value, by its first use in the line, or else by a loop over it."""
    for use in place.expressions(ast.Attribute, ast.Subscript, ast.BinOp, ast.Compare, ast.Call):
        if (found := _harmless_in(place, use, node)) is not None:
            return found
    around = nodes(place.scope, ast.For, ast.comprehension)
    return ("()",) if any(n.iter is node for n in around) else ()


def _harmless_in(place: Place, use: ast.expr, node: ast.expr) -> tuple[str, ...] | None:
    """Literals that work for one use of the missing value; None if the node does not use it."""
    match use:
        case ast.Attribute(value=value, attr=name) if value is node:
            return _NEUTRAL.get(name, ())
        case ast.BinOp(left=left, right=right) if node in (left, right):
            return ("0",)
        case ast.Subscript(value=value) if value is node:
            return ("{}",) if isinstance(place.value(use.slice), str) else ("()",)
        case ast.Call(args=args) if node in args and called(use) in _CONTAINER_CALLS:
            return ("()",)
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[held]) if held is node:
            return ("()",)
    return None


# --- lookups -------------------------------------------------------------------------------------


def missing_key(place: Place) -> object:
    """The missing key, from the message."""
    return literal(place.message, place.message)


def lookups(place: Place) -> list[ast.Subscript]:
    """Subscripts that may have looked up the missing key, without slices."""
    found = [n for n in failing(place, ast.Subscript) if place.kind(n.value) not in ("str", "list", "tuple")]
    missing = missing_key(place)
    return [n for n in found if not isinstance(n.slice, ast.Slice) and place.value(n.slice) in (missing, ...)]


def _lookup(place: Place) -> Iterator[Suspect]:
    missing = missing_key(place)
    for node in [n for n in lookups(place) if not isinstance(n.ctx, ast.Store)]:
        base, key = place.source(node.value), place.source(node.slice)
        summed = any(node in (n.left, n.right) for n in place.expressions(ast.BinOp))
        yield Suspect(
            node, node, f"{key} in {base}", f"{key} not in {base}", f"{base}.get({key}, {HOLE})",
            ("0",) if summed else ("None", '""', "0"), key=missing if isinstance(node.slice, ast.Constant) else key,
        )  # fmt: skip
    for node in failing(place, ast.Call):
        owner = receiver(node)
        if owner is not None and called(node) in ("pop", "remove") and len(node.args) == 1:
            base, key = place.source(owner), place.source(node.args[0])
            form = f"{base}.pop({key}, {HOLE})" if called(node) == "pop" else f"{base}.discard({key})"
            yield Suspect(node, node, f"{key} in {base}", f"{key} not in {base}", form, ("None",), key=missing)


def _position(place: Place) -> Iterator[Suspect]:
    for node in failing(place, ast.Subscript):
        if not isinstance(node.slice, ast.Slice) and not isinstance(place.value(node.slice), str):
            enough = _enough(place, node.slice, place.source(node.value))
            yield Suspect(node, node.value, enough, negated(enough), neutral=("None",))
    for node in failing(place, ast.Call):
        owner = node.args[0] if called(node) == "choice" and node.args else receiver(node)
        if owner is not None and called(node) in ("pop", "popleft", "choice"):
            base = place.source(owner)
            asked = node.args[0] if node.args and called(node) == "pop" else None
            enough = base if asked is None else _enough(place, asked, base)
            yield Suspect(node, owner, enough, negated(enough), neutral=("None",))


def _enough(place: Place, at: ast.expr, base: str) -> str:
    """The condition under which the position exists."""
    number = _number(place, at)
    if number is None:
        return f"{place.source(at)} < len({base})"
    taken = [n.slice for n in place.expressions(ast.Subscript) if place.source(n.value) == base]
    later = [n for n in (_number(place, s) for s in taken if isinstance(s, ast.Constant)) if n is not None]
    if number in (0, -1) and not any(n > 0 for n in later):
        return base
    return f"len({base}) >= {-number}" if number < 0 else f"len({base}) > {max([number, *later])}"


def _number(place: Place, node: ast.expr) -> int | None:
    """An integer literal, possibly with a sign."""
    try:
        value = ast.literal_eval(node)
    except UNREADABLE:
        return None
    return value if type(value) is int else None


# --- numbers and calls -----------------------------------------------------------------------------


def _division(place: Place) -> Iterator[Suspect]:
    for node in failing(place, ast.BinOp):
        zero = place.value(node.right) in (0, 0.0, ...) or place.kind(node.right) == "Decimal"
        if isinstance(node.op, ast.Div | ast.FloorDiv | ast.Mod) and zero and repeatable(node.right):
            divisor = place.source(node.right)
            neutral = ("0.0",) if isinstance(node.op, ast.Div) else ("0",)
            yield Suspect(node, node.right, divisor, negated(divisor), neutral=neutral)


# message, callee, condition ({a} the argument, {b} the receiver, {m} the message's match), form ({call} without its
# bracket), neutral literals
_CALLS = (
    (r"not in range\((\w+)\)", "chr", "0 <= {a} < {m[1]}", "", ()),
    (r"empty sequence|argument is empty", "max min", "{a}", "{call}default=@@)", ("None",)),
    (r"reduce\(\) of empty", "reduce", "{last}", "{call}@@)", ()),
    (r"^$", "next", "", "{call}@@)", ("None",)),
    (r"at least (one|two) data point", "mean median mode fmean pstdev", "{a}", "", ("0.0",)),
    (r"at least two data points", "stdev variance", "len({a}) > 1", "", ("0.0",)),
    (r"math domain error", "sqrt", "{a} >= 0", "", ()),
    (r"math domain error", "log log2 log10", "{a} > 0", "", ("0",)),
    (r"not in list$|x not in", "index remove", "{a} in {b}", "", ("-1",)),
    (r"substring not found", "index rindex", "{a} in {b}", "{find}", ("-1",)),
    (r"invalid literal for int|could not convert string", "int float", "{a}", "{name}({a} or @@)", ("0",)),
    (r"invalid literal for int", "int", "{a}.strip()", "", ()),
    (r"Invalid isoformat|does not match format|time data ''", "fromisoformat strptime", "{a}", "", ("None",)),
    (r"Expecting value: line 1 column 1 \(char 0\)", "loads", "{a}", "", ("{}",)),
)  # fmt: skip


def _call(place: Place) -> Iterator[Suspect]:
    for pattern, names, condition, form, neutral in _CALLS:
        match = re.search(pattern, place.message)
        for node in [n for n in failing(place, ast.Call) if match and called(n) in names.split() and n.args]:
            if not _fits(place, node, form) or _held(place, node.args[0], condition):
                continue
            texts = {**_texts(place, node), "m": match}
            good = condition.format(**texts) if texts["a"] else ""
            text = form.format(**texts) if form else ""
            yield Suspect(node, node.args[0], good, negated(good) if good else "", text, neutral)


def _held(place: Place, node: ast.expr, condition: str) -> bool:
    """Did the condition hold, so that the value was wrong in another way than by being empty?"""
    value = place.value(node)
    known = {"{a}": bool(value), "{a}.strip()": isinstance(value, str) and bool(value.strip())}
    return value is not ... and known.get(condition, False)


def _fits(place: Place, node: ast.Call, form: str) -> bool:
    """Can the form take one more argument? Not if the call already has it or takes several values."""
    alone = len(node.args) == 1 or not ("default=" in form or called(node) == "next")
    return alone and (" or " not in form or place.value(node.args[0]) in ("", None, ...))


def _texts(place: Place, node: ast.Call) -> dict[str, str]:
    """The values of the placeholders in conditions and forms."""
    owner, asked = receiver(node), _asked(node.args[0])
    return {
        "call": opened(place, node),
        "find": place.source(node).replace("index(", "find("),
        "last": place.source(node.args[-1]),
        "name": called(node),
        "a": _bracketed(place, asked) if asked is not None else "",
        "b": place.source(owner) if owner is not None else "",
    }


def _bracketed(place: Place, node: ast.expr) -> str:
    """The expression's text, ready to be an operand."""
    text = place.source(node)
    return text if isinstance(node, (*_PARTS, ast.Constant)) else f"({text})"


def _asked(node: ast.expr) -> ast.expr | None:
    """The expression to test instead of an argument: itself, or the iterable of a generator without a filter."""
    if isinstance(node, ast.GeneratorExp):
        only = node.generators[0]
        return only.iter if len(node.generators) == 1 and not only.ifs and repeatable(only.iter) else None
    return node if repeatable(node) else None


_TOO_FEW = re.compile(r"not enough values to unpack \(expected (?:at least )?(\d+)")


def _value(place: Place) -> Iterator[Suspect]:
    """A call that rejects its argument, or a text with fewer parts than the names to which it is unpacked."""
    yield from _call(place)
    match = _TOO_FEW.search(place.message)
    for node in splits(place) if match else ():
        base, sep = place.source(node.func)[: -len(called(node)) - 1], [place.source(a) for a in node.args[:1]]
        two = match is not None and match[1] == "2" and bool(sep)
        good = f"{sep[0]} in {base}" if two else f"len({place.source(node)}) == {match[1] if match else 0}"
        form = f"({place.source(node)} if {good} else ({base}, {HOLE}))" if two else ""
        names = words_of(*(n.id for n in place.expressions(ast.Name)))
        yield Suspect(node, node, good, negated(good), form, ('""',) if two else (), names)


def splits(place: Place) -> list[ast.Call]:
    """Splits in the statement, or in the assignment of a name that the statement unpacks."""
    names = {n.id for n in place.expressions(ast.Name)}
    found = list(place.expressions(ast.Call))
    for statement in nodes(place.scope, ast.Assign):
        if names & {identifier(t) for t in statement.targets}:
            found += nodes(statement.value, ast.Call)
    return [n for n in dict.fromkeys(found) if receiver(n) is not None and called(n) in ("split", "rsplit")]


_READERS = {
    "KeyError": _lookup,
    "IndexError": _position,
    **dict.fromkeys(ZERO, _division),
    **dict.fromkeys(("TypeError", "ValueError", "StatisticsError", "JSONDecodeError", "StopIteration"), _value),
}

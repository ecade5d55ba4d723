"""Mutates an input: replaces one leaf, removes or doubles one entry, or empties one container. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest

from core.models import Crash
from core.models.patterns import Linear
from core.repair.localize.locate import extent, spliced
from core.repair.localize.syntax import nodes
from core.repair.reproduce.constructors import KNOWN
from core.repair.reproduce.values import imports_for
from core.repair.sandbox.probe import Call

Edit = tuple[int, int, str, bool]  # start, end, new text, is the value's type unusual there
Types = Mapping[str, set[str]]  # names of fields and parameters: types that were seen there
_ANY = ("None", "''", "0", "-1", "[]", "{}", "'x'", "'7'", "1.5")
_LIKE = {
    str: ("''", "'x'", "None", "' '", "'7'", "'A b'", "'1,2'", "'a=b=c'", "'a:b:c'", "'ÄÖ'", "0", "[]"),
    int: ("0", "1", "-1", "2", "7", "None", "2.5", "'3'", "10000"),
    float: ("0.0", "1.0", "-1.5", "None", "3", "'2.5'"),
    bool: ("True", "False", "None"),
    bytes: ("b''", "b'\\xff\\xfe'", "b'a'", "None", "'x'"),
    type(None): ("''", "0", "'x'", "3", "[]", "{}", "False"),
}
_TIMES = {"date", "datetime", "timedelta", "time"}
GUESSED = "text"  # the value of an unknown text
MOST_NODES = 60
HELPERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)  # of a test; what they do is not varied
FIRST = 4  # texts of the pool that come before all others
_ZONED = Linear(r"\d\d:\d\d.*(?:Z|[+-]\d\d:?\d\d)'$")


def pool_of(crash: Crash) -> list[str]:
    """Literals that the report's logs and message name."""
    texts = [*crash.logs, crash.exception.message]
    found = [repr(a or b) for t in texts for a, b in re.findall(r'"([^"]+)"|\'([^\']+)\'', t)]
    words = [w for t in texts for w in re.findall(r"[\w.][=:]\s?([^\s\"',;]+)", t)]
    found += [repr(w) for w in words] + [w for w in words if re.fullmatch(r"-?(0|[1-9]\d{0,17})", w)]
    return list(dict.fromkeys(found))[:40]


def mutated(call: Call, pool: list[str], seen: Types | None = None, confused: bool = False) -> Iterator[Call]:
    """Calls that differ in one place: the first edit of each place, then the second of each, and so on.

    ``confused``: the crash confuses two container types; an empty container then proves nothing.
    """
    for part, text in (("expression", call.expression), ("setup", call.setup)):
        for start, end, new, odd in _edits(text, pool, seen or {}):
            empty = confused and new in ("{}", "[]", "()", "''")
            yield _changed(call, new, **{part: text[:start] + new + text[end:], "odd": odd or empty})


def _changed(call: Call, new: str, **parts) -> Call:
    """The call with the imports that the new text needs."""
    lines = [line for line in imports_for(new) if line not in call.imports.splitlines()]
    return replace(call, imports="\n".join([*lines, *filter(None, [call.imports])]), **parts)


def staged(call: Call) -> Iterator[Call]:
    """Calls with a changed setup: one step removed, or one step repeated three times with other values."""
    try:
        steps = ast.parse(call.setup).body
    except (SyntaxError, ValueError):
        return
    doing = [n for n in steps if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    if doing:
        more = [again for step in steps for again in (_thrice(step) if step in doing else [step])]
        yield _set_up(call, more)
    for left_out in doing:
        yield _set_up(call, [step for step in steps if step is not left_out])


def _set_up(call: Call, steps: list[ast.stmt]) -> Call:
    return replace(call, setup="\n".join(map(ast.unparse, steps)))


def _thrice(step: ast.stmt) -> list[ast.stmt]:
    """The step unchanged, then with other texts and numbers."""
    found = [step]
    for number in (1, 2):
        again = ast.parse(ast.unparse(step)).body[0]
        for node in nodes(again, ast.Constant):
            if type(node.value) is int:
                node.value = node.value + number
            elif isinstance(node.value, str):
                node.value = f"{node.value}{number}"
        found.append(again)
    return found


def swapped(call: Call, known: list[str]) -> Iterator[Call]:
    """Calls in which a mapping or a guessed text is replaced by one that is passed to the program elsewhere."""
    try:
        tree = ast.parse(call.expression)
    except (SyntaxError, ValueError):
        return
    fit = [n for n in nodes(tree, ast.Dict, ast.Constant) if isinstance(n, ast.Dict) or n.value == GUESSED]
    for node in fit[:4]:
        fitting = [new for new in known if new.startswith("{") == isinstance(node, ast.Dict)]
        yield from (replace(call, expression=spliced(call.expression, node, new)) for new in fitting)


def _edits(text: str, pool: list[str], seen: Types) -> Iterator[Edit]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    names = _names(tree)
    done = {n.value for n in nodes(tree, ast.Expr) if isinstance(n.value, ast.Call)}
    left_out = _keys(tree) | done | {inner for n in nodes(tree, *HELPERS) for inner in ast.walk(n)}
    found = [n for n in ast.walk(tree) if isinstance(n, _KINDS) and n not in left_out]
    places = [list(_of_node(text, n, pool, seen.get(names.get(n, ""), set()))) for n in found[:MOST_NODES]]
    for row in zip_longest(*places):
        yield from (edit for edit in row if edit)


_KINDS = (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Call, ast.UnaryOp)


def _names(tree: ast.AST) -> dict[ast.AST, str]:
    """The name of the field or parameter of a value."""
    found: dict[ast.AST, str] = {}
    for node in nodes(tree, ast.Dict, ast.keyword):
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            found |= {v: str(k.value) for k, v in pairs if isinstance(k, ast.Constant)}
        elif node.arg:
            found[node.value] = node.arg
    return found


def _keys(tree: ast.AST) -> set[ast.expr]:
    """Is it a key or a stub's waiting time? These are not changed; entries are removed instead."""
    waits = [n for n in nodes(tree, ast.Call) if ast.unparse(n.func) == "asyncio.sleep"]
    keys = {k for n in nodes(tree, ast.Dict) for k in n.keys if k is not None}
    return keys | {a for n in waits for a in n.args}


def types_in(tree: ast.AST) -> dict[str, set[str]]:
    """Types of the literals that fields and parameters of a name are given."""
    given = [n for n in ast.walk(tree) if isinstance(n, ast.Call | ast.Assign)]
    parts = [p for n in given for p in ([*n.args, *n.keywords] if isinstance(n, ast.Call) else [n.value])]
    found: dict[str, set[str]] = {}
    for part in parts:
        for node, name in _names(part).items():
            if kind := _kind(node):
                found.setdefault(name, set()).add(kind)
    return found


def _kind(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return "number" if type(node.value) in (int, float) else type(node.value).__name__
    if isinstance(node, ast.UnaryOp):
        return "number"
    return type(node).__name__ if isinstance(node, ast.Dict | ast.List | ast.Tuple) else ""


def _odd(node: ast.expr, new: str, seen: set[str]) -> bool:
    """Is the new type unusual: a text for a number, a list for a mapping? None may replace any type, and vice versa."""
    if _ZONED.search(ast.unparse(node)) and re.match(r"'\d{4}-\d\d-\d\d", new) and not _ZONED.search(new):
        return True  # a time with a zone is not one without
    kind, other = _kind(node), _kind(ast.parse(new, mode="eval").body)
    return bool(other) and "NoneType" not in (kind, other) and kind != other and other not in seen


def _of_node(text: str, node: ast.expr, pool: list[str], seen: set[str]) -> Iterator[Edit]:
    at = extent(text, node)
    for new in dict.fromkeys(_replacements(node, pool)):
        if new != ast.unparse(node):
            yield *at, new, not isinstance(node, ast.Call) and _odd(node, new, seen)


def _replacements(node: ast.expr, pool: list[str]) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if not (isinstance(node.value, str) and len(node.value) > 300):
            yield from [*pool[:FIRST], *_LIKE.get(type(node.value), _ANY), *pool, *_variants(node.value)]
    elif isinstance(node, ast.Dict):
        yield from [*filter(_is_whole, pool), *_dicts(node)]
    elif isinstance(node, ast.List | ast.Tuple):
        yield from [*filter(_is_whole, pool), *_sequences(node)]
    elif isinstance(node, ast.Call):
        yield from _other_calls(node, pool)


def _other_calls(node: ast.Call, pool: list[str]) -> Iterator[str]:
    """Another time or amount of the pool; a call of the program's own without one keyword, or None."""
    kind = _kind_called(ast.unparse(node))
    if kind in _TIMES | {"Decimal"}:
        yield from (text for text in pool if _kind_called(text) == kind)
    elif ast.unparse(node.func).split(".")[0] not in KNOWN:
        for index in range(len(node.keywords)):
            kept = [k for i, k in enumerate(node.keywords) if i != index]
            yield ast.unparse(ast.Call(node.func, node.args, kept))
        yield "None"


def _kind_called(text: str) -> str:
    """``date`` of ``datetime.date(2024, 5, 6)``."""
    return text.partition("(")[0].rsplit(".", 1)[-1]


def _is_whole(text: str) -> bool:
    """Is it a container or an object that is a whole argument?"""
    return text[:1] not in "'\"-0123456789" and text != "None"


def _variants(value: object) -> list[str]:
    """The same text in another form."""
    if not isinstance(value, str) or not value:
        return []
    found = [value.upper(), value.lower(), f" {value} ", value * 2, value[:-1], value[1:]]
    if match := re.match(r"(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d)?)?", value):
        time = match[2] or "T10:20:30"
        found += [f"{match[1]}{time}{zone}" for zone in ("", "Z", "+00:00", "+02:00", ".250")] + [
            match[1],
            "2024-02-29",
        ]
    return [repr(v) for v in found]


def _dicts(node: ast.Dict) -> Iterator[str]:
    pairs = list(zip(node.keys, node.values, strict=True))
    for index in range(len(pairs)):
        kept = pairs[:index] + pairs[index + 1 :]
        yield ast.unparse(ast.Dict([k for k, _ in kept], [v for _, v in kept]))
    yield "{}"
    yield "None"
    yield f"[{ast.unparse(node)}]"


def _sequences(node: ast.List | ast.Tuple) -> Iterator[str]:
    kind = type(node)
    yield ast.unparse(kind([], ast.Load()))
    for index in range(len(node.elts)):
        yield ast.unparse(kind(node.elts[:index] + node.elts[index + 1 :], ast.Load()))
    yield "None"
    if node.elts:
        yield ast.unparse(kind([*node.elts, node.elts[0]], ast.Load()))
        yield ast.unparse(kind([*node.elts, ast.Constant(None)], ast.Load()))
        yield ast.unparse(node.elts[0])

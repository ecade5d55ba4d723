"""Inputs near a known one: one leaf replaced, one entry left out or doubled, one container emptied. Pure."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, islice, zip_longest

from core.models import Crash
from core.repair.locate import offset
from core.repair.probe import Call

Edit = tuple[int, int, str]  # start, end, new text
_ANY = ("None", "''", "0", "-1", "[]", "{}", "'x'", "'7'", "1.5")
_LIKE = {
    str: ("''", "'x'", "None", "' '", "'7'", "'A b'", "'1,2'", "'a=b=c'", "'a:b:c'", "'ÄÖ'", "0", "[]"),
    int: ("0", "1", "-1", "2", "7", "None", "2.5", "'3'", "10000"),
    float: ("0.0", "1.0", "-1.5", "None", "3", "'2.5'"),
    bool: ("True", "False", "None"),
    bytes: ("b''", "b'\\xff\\xfe'", "b'a'", "None", "'x'"),
    type(None): ("''", "0", "'x'", "3", "[]", "{}", "False"),
}
MOST_NODES = 60


def pool_of(crash: Crash) -> list[str]:
    """Literals that the report's logs and message name."""
    texts = [*crash.logs, crash.exception.message]
    found = [repr(a or b) for t in texts for a, b in re.findall(r'"([^"]+)"|\'([^\']+)\'', t)]
    words = [w for t in texts for w in re.findall(r"[\w.]+[=:]\s?([^\s\"',;]+)", t)]
    found += [repr(w) for w in words] + [w for w in words if re.fullmatch(r"-?(0|[1-9]\d{0,17})", w)]
    return list(dict.fromkeys(found))[:40]


def mutated(call: Call, pool: list[str]) -> Iterator[Call]:
    """Calls that differ in one place; the first edit of each place, then the second of each, and so on."""
    for part, text in (("expression", call.expression), ("setup", call.setup)):
        for start, end, new in _edits(text, pool):
            yield replace(call, **{part: text[:start] + new + text[end:]})


def doubly(call: Call, pool: list[str], seed: int = 1) -> Iterator[Call]:
    """Calls that differ in two places, in a fixed random order."""
    text = call.expression
    edits = list(islice(_edits(text, pool), 80))
    pairs = [(a, b) for a, b in combinations(edits, 2) if a[1] <= b[0] or b[1] <= a[0]]
    random.Random(seed).shuffle(pairs)
    for pair in pairs:
        changed = text
        for start, end, new in sorted(pair, reverse=True):
            changed = changed[:start] + new + changed[end:]
        yield replace(call, expression=changed)


def _edits(text: str, pool: list[str]) -> Iterator[Edit]:
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError):
        return
    places = [list(_of_node(text, n, pool)) for n in nodes if isinstance(n, _KINDS)][:MOST_NODES]
    for row in zip_longest(*places):
        yield from (edit for edit in row if edit)


_KINDS = (ast.Constant, ast.Dict, ast.List, ast.Tuple, ast.Call, ast.UnaryOp)


def _of_node(text: str, node: ast.expr, pool: list[str]) -> Iterator[Edit]:
    at = (offset(text, node.lineno, node.col_offset), offset(text, node.end_lineno, node.end_col_offset))
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str) and len(node.value) > 300:
            return
        news = [*_LIKE.get(type(node.value), _ANY), *pool, *_variants(node.value)]
        yield from ((*at, new) for new in dict.fromkeys(news) if new != ast.unparse(node))
    elif isinstance(node, ast.Dict):
        yield from ((*at, new) for new in _dicts(node))
    elif isinstance(node, ast.List | ast.Tuple):
        yield from ((*at, new) for new in _sequences(node))
    elif isinstance(node, ast.Call) and node.keywords:
        for index in range(len(node.keywords)):
            kept = [k for i, k in enumerate(node.keywords) if i != index]
            yield (*at, ast.unparse(ast.Call(node.func, node.args, kept)))


def _variants(value: object) -> list[str]:
    """The same text in another form."""
    if not isinstance(value, str) or not value:
        return []
    return [repr(v) for v in (value.upper(), value.lower(), f" {value} ", value * 2, value[:-1], value[1:])]


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

"""The rows of a regression test: further inputs of the judge, whose results a fix must keep. Pure.

A candidate is judged on inputs that worked before, and changes none of their results. A few of them stay in the
repository as rows of a second, parametrised test. Arguments and results are literals, and written by ``repr`` alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.repair.sandbox.probe import Call, ProbeOutcome

MOST, LONGEST = 5, 100  # rows of a test, and characters of one row
GIVEN, EXPECTED = "given", "expected"
DECORATOR = f"pytest.mark.parametrize(({GIVEN!r}, {EXPECTED!r}), [])"


@dataclass(frozen=True)
class KeptRows:
    """``callee`` is called with each of ``rows``, (arguments, result), unpacked by ``star``: one or two asterisks."""

    callee: str
    star: str
    rows: Sequence[tuple[str, str]]

    def text(self, name: str) -> str:
        """The test function ``name`` with its rows; it needs pytest and what the callee needs."""
        rows = "".join(f"        ({given}, {result}),\n" for given, result in self.rows)
        return (
            f"@pytest.mark.parametrize(\n    ({_quoted(GIVEN)}, {_quoted(EXPECTED)}),\n    [\n{rows}    ],\n)\n"
            f"def {name}({GIVEN}, {EXPECTED}):\n    assert {self.callee}({self.star}{GIVEN}) == {EXPECTED}\n"
        )


def _quoted(word: str) -> str:
    return f'"{word}"'


def kept(call: Call, calls: Sequence[Call], outcomes: Sequence[ProbeOutcome]) -> KeptRows | None:
    """Rows of calls like ``call`` that gave a literal, each with another result where there are enough."""
    like = _parts(call)
    if like is None:
        return None
    found = dict(_rows(call, like, calls, outcomes))
    first = {result: given for given, result in reversed(found.items())}  # one of each result
    ordered = sorted(found.items(), key=lambda row: first[row[1]] != row[0])
    return KeptRows(like[0], like[1], ordered[:MOST]) if ordered else None


def _rows(
    call: Call, like: tuple[str, str, str], calls: Sequence[Call], outcomes: Sequence[ProbeOutcome]
) -> Iterator[tuple[str, str]]:
    for one, outcome in zip(calls, outcomes, strict=False):
        parts = _parts(one) if one.imports == call.imports and outcome.literal else None
        if parts and parts[:2] == like[:2]:
            result = repr(ast.literal_eval(outcome.literal))
            if len(parts[2]) + len(result) < LONGEST:
                yield parts[2], result


def _parts(call: Call) -> tuple[str, str, str] | None:
    """Callee, asterisks and arguments of a call of a named function with literals alone; None for any other."""
    try:
        match ast.parse(call.expression, mode="eval").body:
            case ast.Call(func=func, args=args, keywords=[]) if args and not call.setup and _named(func):
                return ast.unparse(func), "*", repr(tuple(map(ast.literal_eval, args)))
            case ast.Call(func=func, args=[], keywords=named) if named and not call.setup and _named(func):
                return ast.unparse(func), "**", repr({str(one.arg): ast.literal_eval(one.value) for one in named})
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return None


def _named(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or isinstance(node, ast.Attribute) and _named(node.value)


def only_rows(node: ast.stmt) -> bool:
    """Is it a test function as ``KeptRows.text`` writes it, with at most MOST rows of literals?"""
    if not isinstance(node, ast.FunctionDef) or len(node.decorator_list) != 1 or node.returns:
        return False
    plain = ast.unparse(node.args) == f"{GIVEN}, {EXPECTED}" and _asserts(node.body)
    return plain and node.name.startswith("test_") and _literal_rows(node.decorator_list[0])


def _asserts(body: Sequence[ast.stmt]) -> bool:
    match body:
        case [ast.Assert(test=ast.Compare(left=ast.Call(func=func), ops=[ast.Eq()]) as test, msg=None)] if _named(func):
            wanted = {f"{ast.unparse(func)}({star}{GIVEN}) == {EXPECTED}" for star in ("*", "**")}
            return ast.unparse(test) in wanted
    return False


def _literal_rows(node: ast.expr) -> bool:
    match node:
        case ast.Call(args=[_, ast.List(elts=rows) as held]) if 0 < len(rows) <= MOST:
            try:
                ast.literal_eval(held)
            except (ValueError, TypeError, RecursionError, MemoryError):
                return False
            held.elts = []
            empty = ast.unparse(node) == DECORATOR
            held.elts = rows
            return empty
    return False

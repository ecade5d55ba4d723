"""The changes of a mutant: mutmut's operators for conditions, numbers and truth values, and removed parts of a guard.

mutmut's operators on texts, method names and arguments are not used: they change the text of a message, or crash. Its
command skips everything at module level and under a decorator, where the thresholds and the tables of rights are, so
this module walks the code itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider
from mutmut.mutation import mutators

PLAIN = (cst.SimpleString, cst.Attribute, cst.BaseNumber, cst.Tuple)
LEAF = (cst.Name, cst.Attribute, cst.Call, cst.NamedExpr)


@dataclass(frozen=True)
class Mutant:
    """``before`` and ``after`` are the changed lines, without indentation; ``code`` is the whole mutated module."""

    place: str  # Class.function, or <module>
    before: str
    after: str
    code: str


def mutants(code: str) -> Iterator[Mutant]:
    """All distinct mutants of a module's text."""
    wrapper = MetadataWrapper(cst.parse_module(code))
    parents, seen = wrapper.resolve(ParentNodeProvider), {code}
    for node, place in _nodes(wrapper.module, ""):
        for changed in (made for kinds, work in OPERATORS if isinstance(node, kinds) for made in work(node)):
            text = wrapper.module.deep_replace(node, changed).code
            if text not in seen and not isinstance(parents.get(node), cst.Expr):
                seen.add(text)
                yield Mutant(place or "<module>", *_difference(code, text), text)


def _nodes(node: cst.CSTNode, place: str) -> Iterator[tuple[cst.CSTNode, str]]:
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom) or _is_signature(node):
        return
    yield node, place
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        place = f"{place}.{node.name.value}".lstrip(".")
    for child in node.children:
        yield from _nodes(child, place)


def _is_signature(node: cst.CSTNode) -> bool:
    """A type such as ``Callable[[int], bool]``: nothing runs it, so a change of it has no effect."""
    return isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name) and node.value.value == "Callable"


def _difference(old: str, new: str) -> tuple[str, str]:
    was, now = old.splitlines(), new.splitlines()
    start = next(i for i, (a, b) in enumerate(zip([*was, None], [*now, None], strict=False)) if a != b)
    same = 0
    while same < min(len(was), len(now)) - start and was[-1 - same] == now[-1 - same]:
        same += 1
    return tuple(" ".join(line.strip() for line in part[start : len(part) - same]) for part in (was, now))


def negate(node: cst.If | cst.CompIf | cst.While) -> Iterator[cst.CSTNode]:
    if isinstance(node.test, LEAF):
        inner = node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        yield node.with_changes(test=cst.UnaryOperation(cst.Not(), inner))


def drop_side(node: cst.BooleanOperation) -> Iterator[cst.CSTNode]:
    """Only one of two conditions."""
    for side in (node.left, node.right):
        yield side.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def drop_condition(node: cst.Call) -> Iterator[cst.CSTNode]:
    """Drop a condition in a call, such as ``where(...)``."""
    for at, argument in enumerate(node.args):
        if isinstance(argument.value, cst.Comparison) and len(node.args) > 1:
            yield node.with_changes(args=[*node.args[:at], *node.args[at + 1 :]])


def drop_element(node: cst.Set | cst.List | cst.Dict | cst.Tuple) -> Iterator[cst.CSTNode]:
    parts = node.elements
    if len(parts) < 2 or (isinstance(node, cst.Tuple) and not all(isinstance(e.value, PLAIN) for e in parts)):
        return
    for at in range(len(parts)):
        yield node.with_changes(elements=[*parts[:at], *parts[at + 1 :]])


def drop_statement(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """Drop an effect: a call, a raise, an assignment to an attribute or an item."""
    inner = node.body[0]
    call = isinstance(inner, cst.Expr) and isinstance(inner.value, cst.Call)
    given = isinstance(inner, cst.Assign) and isinstance(inner.targets[0].target, cst.Attribute | cst.Subscript)
    if call or given or isinstance(inner, cst.Raise):
        yield node.with_changes(body=[cst.Pass()])


OPERATORS: list[tuple[type | tuple[type, ...], object]] = [
    (cst.BaseNumber, mutators.operator_number),
    (cst.Name, mutators.operator_name),
    (cst.UnaryOperation, mutators.operator_remove_unary_ops),
    (cst.CSTNode, mutators.operator_keywords),
    (cst.CSTNode, mutators.operator_swap_op),
    (cst.IfExp, mutators.operator_if_exp),
    ((cst.If, cst.CompIf, cst.While), negate),
    (cst.BooleanOperation, drop_side),
    (cst.Call, drop_condition),
    ((cst.Set, cst.List, cst.Dict, cst.Tuple), drop_element),
    (cst.SimpleStatementLine, drop_statement),
]

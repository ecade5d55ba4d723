"""Returns ``NotImplemented`` from an operator method for an operand of an unknown type.

A rule of the language's data model: "A rich comparison method may return the singleton NotImplemented if it does not
implement the operation for a given pair of arguments", and likewise for arithmetic.
"""

from __future__ import annotations

import ast

from core.repair.localize.locate import Place
from core.repair.localize.sources import first_statement
from core.repair.localize.syntax import class_around, identifier, nodes
from core.repair.propose.base import Changes, Clue, change
from core.repair.propose.registry import operator
from core.repair.types import Evidence

_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
_COMPUTE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "and", "or", "xor", "matmul", "radd", "rsub", "rmul")
METHODS = frozenset(f"__{name}__" for name in (*_COMPARE, *_COMPUTE))


@operator("AttributeError", "TypeError")
def unknown_operand(place: Place) -> Changes:
    function, owner = place.function, class_around(place.module, place.function)
    if function is None or owner is None or function.name not in METHODS or len(function.args.args) != 2:
        return
    other = function.args.args[1].arg
    kind = place.kind(ast.Name(other))
    uses = {identifier(n.value) for n in place.expressions(ast.Attribute)}
    if kind == owner.name or other not in uses or "isinstance" in ast.unparse(first_statement(function)):
        return
    siblings = [n for n in nodes(owner, ast.Name) if n.id == "NotImplemented"]
    grade = Evidence.DOCUMENTED if siblings or kind else Evidence.TYPE
    clue = Clue("", f"{function.name} gives NotImplemented for what it does not know", grade)
    lines = (f"if not isinstance({other}, {owner.name}):", "    return NotImplemented")
    text = place.before(first_statement(function), *lines)
    yield change(place, text, f"{function.name} leaves other types to them.", clue)

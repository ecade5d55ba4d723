"""Skips what cannot be done: the row of a loop, a step, or a part of a condition."""

from __future__ import annotations

import ast

from core.repair.localize.locate import Place
from core.repair.localize.syntax import nodes
from core.repair.propose.base import Changes, Clue, change
from core.repair.propose.documentation import STAYS, sentences, skipping
from core.repair.propose.evidence import optional
from core.repair.propose.outwards import suspects
from core.repair.propose.registry import operator
from core.repair.propose.statements import exiting, guarded, indented, loop_around, rationale
from core.repair.propose.suspect import KINDS, Suspect
from core.repair.types import Evidence


@operator(*KINDS)
def row(place: Place) -> Changes:
    """Skip the row in the loop or comprehension, if the documentation says that such rows are left out."""
    for here, suspect in suspects(place):
        why = skipping(here, suspect.about)
        then = rationale(here, suspect, "it is left out")
        statement = guarded(here, suspect)
        if statement is not None and loop_around(here, statement) is not None:
            text = exiting(here, suspect, statement, "continue")
            yield change(here, text, then, why, suspect.far)
        for made in _comprehensions(here, suspect):
            last = made.generators[-1]
            end = last.ifs[-1] if last.ifs else last.iter
            joined = f" and {suspect.good}" if last.ifs else f" if {suspect.good}"
            yield change(here, here.replace(end, here.source(end) + joined), then, why, suspect.far)


def _comprehensions(place: Place, suspect: Suspect) -> list:
    made = place.expressions(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp) if suspect.asked else []
    return [n for n in made if any(x is suspect.node for x in ast.walk(n))]


@operator(*KINDS)
def step(place: Place) -> Changes:
    """Put ``if it can be done:`` before the step; the code after it continues."""
    for here, suspect in suspects(place):
        statement = guarded(here, suspect)
        last = here.function.body[-1] if here.function else None
        if not isinstance(statement, ast.Expr | ast.Return | ast.AugAssign | ast.Delete) or not suspect.asked:
            continue
        if isinstance(statement, ast.Return) and statement is last:
            continue
        why = _nobody_to_call(here, statement, suspect) or _staying(here, suspect)
        text = indented(here, statement, f"if {suspect.good}:")
        yield change(here, text, rationale(here, suspect, "this step is then left out"), why, suspect.far)


def _nobody_to_call(place: Place, statement: ast.stmt, suspect: Suspect) -> Clue | None:
    """Evidence: the statement only calls something that is optional."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    words = optional(place, suspect.key)
    mere = isinstance(call, ast.Call) and call.func is suspect.missing
    return Clue("", f"{words}: there may be nothing to call", Evidence.TYPE) if mere and words else None


def _staying(place: Place, suspect: Suspect) -> Clue | None:
    """The best sentence about the missing thing, preferably one that says that nothing changes."""
    clue = list(sentences(place, suspect.about)) or [
        s for s in sentences(place, everything=True) if STAYS.search(s.text)
    ]
    found = min(clue, key=lambda s: (not STAYS.search(s.text), -s.grade, s.far), default=None)
    if found is None:
        return None
    stays = STAYS.search(found.text) and found.grade == Evidence.DOCUMENTED
    return Clue("", found.words, found.grade if stays else Evidence.STYLE, found.far + 1)


@operator(*KINDS)
def condition(place: Place) -> Changes:
    """Add the condition to the one that contains the expression."""
    for here, suspect in suspects(place):
        for test in _tests_around(here, suspect):
            text = here.source(test)
            text = f"({text})" if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else text
            new = here.replace(test, f"{suspect.good} and {text}")
            clue = _may_be_missing(here, suspect, test)
            yield change(here, new, rationale(here, suspect, "the condition does not hold"), clue, suspect.far)


def _may_be_missing(place: Place, suspect: Suspect, test: ast.expr) -> Clue | None:
    """Evidence: the operand is optional, or the same condition tests something else in the same way."""
    if suspect.key and (words := optional(place, suspect.key)):
        return Clue("", f"{words}: it may be missing", Evidence.TYPE, 2)
    asked = ast.unparse(suspect.missing)
    whole = [n for n in nodes(place.scope, ast.BoolOp) if any(x is test for x in ast.walk(n))]
    others = [v for n in whole for v in n.values if isinstance(v, ast.Name | ast.Attribute)]
    used = [n for w in whole for n in nodes(w, ast.Subscript, ast.Attribute)]
    likewise = [
        o for o in others if ast.unparse(o) != asked and any(ast.unparse(n.value) == ast.unparse(o) for n in used)
    ]
    return Clue("", f"the condition asks for {ast.unparse(likewise[0])} so", Evidence.SIBLING) if likewise else None


def _tests_around(place: Place, suspect: Suspect) -> list[ast.expr]:
    """Tests of the line that contain the suspect, the innermost operand of ``and`` first, without bare names."""
    tests = [n.test for n in place.expressions(ast.If, ast.While, ast.IfExp) if n.test.lineno <= place.line]
    tests = [t for t in tests if suspect.asked and not isinstance(t, ast.Name)]
    operands = [v for t in tests for n in nodes(t, ast.BoolOp) for v in n.values]
    return [t for t in [*tests, *operands] if any(n is suspect.node for n in ast.walk(t))]

"""What to do where a value is missing: give another, return early, skip the row, leave the step out, refuse.

Each suspect is met in each of these ways; which of them is meant, the documentation, siblings and
callers say, and running them shows.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from core.repair.localize.locate import Place
from core.repair.localize.returning import accumulates, alike, fits
from core.repair.localize.sources import called, module_of
from core.repair.localize.syntax import Function, imported_name, imports_of, names_in, nodes
from core.repair.propose.base import Changes, change
from core.repair.propose.documentation import (
    STAYS,
    Said,
    documented,
    is_expression,
    raised,
    sentences,
    skipping,
)
from core.repair.propose.evidence import annotated, guards_like, missing_values, optional, returned, siblings
from core.repair.propose.iteration import shrinking_loops
from core.repair.propose.lift import lifted
from core.repair.propose.parts import chain, is_part, whole
from core.repair.propose.readers import suspects
from core.repair.propose.registry import template
from core.repair.propose.suspects import HOLE, Suspect, repeatable

LIFTS = 3


@template(
    "ZeroDivisionError",
    "KeyError",
    "IndexError",
    "AttributeError",
    "TypeError",
    "ValueError",
    "InvalidOperation",
    "DivisionByZero",
    "StatisticsError",
    "JSONDecodeError",
    "StopIteration",
)
def guard(place: Place) -> Changes:
    if shrinking_loops(place):
        return  # a position that went away is no missing value
    for suspect in suspects(place):
        yield from _at(place, suspect)
        here = (place, suspect)
        for _ in range(LIFTS):
            here = lifted(*here)
            if here is None:
                break
            yield from _at(*here)


def _at(place: Place, suspect: Suspect) -> Changes:
    for one in _met(place, suspect):
        yield replace(one, confidence=round(one.confidence - suspect.doubt, 3))


def _met(place: Place, suspect: Suspect) -> Changes:
    yield from _value(place, suspect)
    if suspect.good and repeatable(ast.parse(suspect.good, mode="eval").body):
        for way in (_early, _skip, _left_out, _refuse, _joined):
            yield from way(place, suspect)
    elif suspect.good:
        yield from _hoisted(place, suspect)


def _says(place: Place, suspect: Suspect, then: str) -> str:
    where = place.function.name if place.function else place.path
    return f"{place.source(suspect.missing)} may be missing in {where}: {then}."


def _value(place: Place, suspect: Suspect) -> Changes:
    """Another value in the place of the failing expression, or of what it is part of."""
    for one in _said(place, suspect):
        says = _says(place, suspect, f"{one.value} is taken instead")
        own = " default" in one.words or "null means" in one.words
        for form in suspect.forms:
            if HOLE not in form or _usable(place, suspect, one.value):
                form = _without_default(place, suspect, form) if "null means" in one.words else form
                text = place.replace(suspect.node, form.replace(HOLE, one.value))
                yield change(place, text, says, one, less=_doubt(one, suspect))
        if fits_whole(place, one.value) and not own:
            yield from whole(place, suspect, one, says)


def fits_whole(place: Place, value: str) -> bool:
    """Whether the value may stand for the whole of a returned expression."""
    return not isinstance(place.statement, ast.Return) or (fits(place, value) and alike(place, value))


def _said(place: Place, suspect: Suspect) -> list[Said]:
    """What may stand for the missing: this key's own default, what is documented, an optional's empty, the neutral."""
    found = [*(siblings(place, suspect.key) if suspect.key else ()), *_own_default(place, suspect)]
    found += [*documented(place, suspect.about), *annotated(place), *returned(place)]
    words = optional(place, suspect.key) if suspect.key else ""
    found += [Said(value, words, 0.84) for value in suspect.neutral if words and value in ("()", "{}", "[]")]
    found += [Said(value, "", 0.5) for value in suspect.neutral]
    best: dict[str, Said] = {}
    for one in sorted(found, key=lambda s: -s.confidence):
        best.setdefault(one.value, one)
    return list(best.values())


def _doubt(said: Said, suspect: Suspect) -> float:
    """A default for this very key is meant for it; the function's documented value may be its result's."""
    if "default" in said.words:
        return 0.0
    return 0.05 if isinstance(suspect.node, ast.BinOp) else 0.03


def _usable(place: Place, suspect: Suspect, value: str) -> bool:
    """None in the place of a None mends nothing."""
    return value != "None" or f" or {HOLE}" not in suspect.forms[0]


def _own_default(place: Place, suspect: Suspect) -> Iterator[Said]:
    """``x.get(key, default)`` that gave None: the code names its default already."""
    node = suspect.missing
    if isinstance(node, ast.Call) and called(node) == "get" and len(node.args) == 2:
        value = place.source(node.args[1])
        yield Said(value, f"the code itself gives {value} by default; null means the same", 0.92)


def _without_default(place: Place, suspect: Suspect, form: str) -> str:
    """``x.get(key) or default`` says once what ``x.get(key, default) or default`` says twice."""
    node = suspect.missing
    if not isinstance(node, ast.Call):
        return form
    return form.replace(place.source(node), f"{place.source(node.func)}({place.source(node.args[0])})", 1)


def _statement(place: Place, suspect: Suspect) -> ast.stmt | None:
    """The innermost statement around the suspect's node."""
    every = [n for n in ast.walk(place.module) if isinstance(n, ast.stmt)]
    around = [n for n in every if any(x is suspect.node for x in ast.walk(n))]
    return max(around, key=lambda n: (n.lineno, n.col_offset), default=None)


def _guarded(place: Place, suspect: Suspect) -> ast.stmt | None:
    """The statement that a guard can stand before; None when the condition's names live inside of an expression."""
    statement = _statement(place, suspect)
    if statement is None or place.function is None or isinstance(statement, Function | ast.ClassDef):
        return None
    inner = _names_inside(statement)
    if isinstance(statement, ast.For):
        inner |= names_in(statement.target)
    row = place.text.splitlines()[statement.lineno - 1].lstrip()
    is_elif = isinstance(statement, ast.If) and row.startswith("elif")
    return None if names_in(ast.parse(suspect.good)) & inner or is_elif else statement


def _names_inside(statement: ast.stmt) -> set[str]:
    """Names that comprehensions, lambdas and walrus expressions of the statement set."""
    set_by = [n.target for n in nodes(statement, ast.comprehension, ast.NamedExpr)]
    lambdas = nodes(statement, ast.Lambda)
    names = {name for node in [*set_by, *(n.args for n in lambdas)] for name in names_in(node)}
    return names | {a.arg for n in lambdas for a in n.args.args}


def _loop(place: Place, statement: ast.stmt) -> ast.For | ast.While | ast.AsyncFor | None:
    """The innermost loop of the function around the statement."""
    loops = nodes(place.scope, ast.For, ast.While, ast.AsyncFor)
    around = [n for n in loops if n is not statement and any(x is statement for b in n.body for x in ast.walk(b))]
    return max(around, key=lambda n: n.lineno, default=None)


def _early(place: Place, suspect: Suspect) -> Changes:
    """Return what the documentation gives for the missing case."""
    statement = _guarded(place, suspect)
    if statement is None or nodes(place.scope, ast.Yield):
        return
    doubt = _early_doubt(place, statement)
    neutral = suspect.neutral if isinstance(statement, ast.Return) else ()
    for said in [*_copied(place, suspect)[:1], *missing_values(place, neutral, suspect.about)]:
        says = _says(place, suspect, f"the result is then {said.value}")
        lines = (f"if {suspect.bad}:", f"    return {said.value}")
        part = 0.08 if is_part(statement, said.value, place.source(suspect.missing)) else 0.0
        yield change(place, place.before(statement, *lines), says, said, less=doubt + part)


def _early_doubt(place: Place, statement: ast.stmt) -> float:
    """In a loop, or in the place of a mere step, the documented value is hardly the whole function's result."""
    step = 0.06 if isinstance(statement, ast.Expr) else 0.0
    if _loop(place, statement) is None:
        return step
    return (0.16 if accumulates(place) else 0.06) + step


def _copied(place: Place, suspect: Suspect) -> list[Said]:
    """What sibling functions return under the same condition."""
    found = guards_like(place, suspect.bad)
    returns = [
        (ast.unparse(b.value), words, trust) for b, words, trust in found if isinstance(b, ast.Return) and b.value
    ]
    return [Said(text, words, trust) for text, words, trust in returns if is_expression(text)]


def _skip(place: Place, suspect: Suspect) -> Changes:
    """Leave the row out of the loop or comprehension, where the documentation says that such rows are."""
    why = skipping(place, suspect.about)
    says = _says(place, suspect, "it is left out")
    statement = _guarded(place, suspect)
    if statement is not None and _loop(place, statement) is not None:
        yield change(place, place.before(statement, f"if {suspect.bad}:", "    continue"), says, why)
    for made in place.expressions(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp):
        if any(n is suspect.node for n in ast.walk(made)):
            last = made.generators[-1]
            end = last.ifs[-1] if last.ifs else last.iter
            joined = f" and {suspect.good}" if last.ifs else f" if {suspect.good}"
            yield change(place, place.replace(end, place.source(end) + joined), says, why)


def _left_out(place: Place, suspect: Suspect) -> Changes:
    """``if it can be done:`` before the step; what follows goes on without it."""
    statement = _guarded(place, suspect)
    if not isinstance(statement, ast.Expr | ast.Return | ast.AugAssign | ast.Delete):
        return
    if isinstance(statement, ast.Return) and place.function and statement is place.function.body[-1]:
        return
    why = _staying(place, suspect)
    if _calls_nobody(statement, suspect) and (words := optional(place, suspect.key)):
        why = Said("", f"{words}: there may be nobody to call", 0.86)
    text = _indented(place, statement, f"if {suspect.good}:")
    yield change(place, text, _says(place, suspect, "this step is then left out"), why)


def _staying(place: Place, suspect: Suspect) -> Said | None:
    """The sentence that speaks of the missing, best one by which things stay as they are."""
    told = sorted(sentences(place, suspect.about), key=lambda s: (not STAYS.search(s.text), -s.trust))
    told = told or [s for s in sentences(place, everything=True) if STAYS.search(s.text)]
    if not told:
        return None
    trust = 0.86 if STAYS.search(told[0].text) else min(0.82, told[0].trust)
    return Said("", f"the documentation says: {told[0].text[:200]}", trust)


def _calls_nobody(statement: ast.stmt, suspect: Suspect) -> bool:
    """A statement that is nothing but a call of what is missing."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and call.func is suspect.missing


def _indented(place: Place, statement: ast.stmt, head: str) -> str:
    rows = place.text.splitlines(keepends=True)
    indent = " " * statement.col_offset
    body = [f"    {row}" if row.strip() else row for row in rows[statement.lineno - 1 : statement.end_lineno]]
    return "".join([*rows[: statement.lineno - 1], f"{indent}{head}\n", *body, *rows[statement.end_lineno :]])


def _refuse(place: Place, suspect: Suspect) -> Changes:
    """Raise the documented exception, as a sibling does."""
    statement = _guarded(place, suspect)
    if statement is None:
        return
    for body, words, trust in guards_like(place, suspect.bad):
        if isinstance(body, ast.Raise) and isinstance(body.exc, ast.Call):
            name = called(body.exc)
            text = place.before(statement, f"if {suspect.bad}:", f"    {place.source(body)}")
            says = _says(place, suspect, f"{name} is raised, as a sibling does")
            yield change(place, text, says, Said("", words, trust - 0.02), raises=_tested(place, name))
    for name, sentence in [found for found in raised(place) if found[0] != place.kind_raised]:
        said = Said("", f"the documentation says: {sentence[:200]}", 0.93)
        lines = (f"if {suspect.bad}:", f"    raise {name}({_argument(place, name, suspect)})")
        says = _says(place, suspect, f"{name} is raised, as documented")
        yield change(place, place.before(statement, *lines), says, said, raises=_tested(place, name))


def _tested(place: Place, name: str) -> str:
    """The import line that a test needs for the exception, and its name."""
    defined = any(isinstance(n, ast.ClassDef) and n.name == name for n in place.module.body)
    return f"from {module_of(place.path)} import {name}\n{name}" if defined or _imported(place, name) else name


def _imported(place: Place, name: str) -> bool:
    froms = [n for n in imports_of(place.module) if isinstance(n, ast.ImportFrom)]
    return name in {imported_name(alias) for n in froms for alias in n.names}


def _argument(place: Place, name: str, suspect: Suspect) -> str:
    """What a sibling's raise gives it, when the names are here too; else the key or value that was asked for."""
    visible = {a.arg for a in nodes(place.function.args, ast.arg)} if place.function else set()
    raised_here = [n.exc for n in nodes(place.module, ast.Raise) if isinstance(n.exc, ast.Call)]
    for given in [exc.args for exc in raised_here if called(exc) == name]:
        if all(names_in(argument) <= visible for argument in given):
            return ", ".join(map(place.source, given))
    if isinstance(suspect.node, ast.Subscript):
        return place.source(suspect.node.slice)
    return repr(f"{place.source(suspect.missing)} is missing")


def _joined(place: Place, suspect: Suspect) -> Changes:
    """The condition joins the one that the expression stands in."""
    for test in _tests_around(place, suspect):
        text = place.source(test)
        text = f"({text})" if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else text
        told = bool(suspect.key) and optional(place, suspect.key) or documented(place, suspect.about)
        said = Said("", "a condition about what is not there does not hold", 0.81 if told else 0.78)
        new = f"{suspect.good} and {text}"
        yield change(place, place.replace(test, new), _says(place, suspect, "the condition does not hold"), said)


def _tests_around(place: Place, suspect: Suspect) -> list[ast.expr]:
    """Tests of the line that the suspect is part of; a bare name is none."""
    tests = [n.test for n in place.expressions(ast.If, ast.While, ast.IfExp) if n.test.lineno <= place.line]
    return [t for t in tests if not isinstance(t, ast.Name) and any(n is suspect.node for n in ast.walk(t))]


def _hoisted(place: Place, suspect: Suspect) -> Changes:
    """What is missing is the result of a call that may not be made twice: it gets a name, then the guard."""
    statement, call = _guarded(place, suspect), place.source(suspect.missing)
    if statement is None or isinstance(statement, ast.For | ast.While | ast.If) or not suspect.good.startswith(call):
        return
    taken = names_in(place.module)
    name = next((n for n in ("found", "known", "value_found") if n not in taken), "result_found")
    here = Place(place.tree, place.path, place.replace(suspect.missing, name), place.frame, place.crash)
    yield from _hoisted_part(place, suspect, statement, name)
    head = (f"{name} = {call}", f"if {suspect.bad.replace(call, name)}:")
    for said in missing_values(place, (), suspect.about):
        says = _says(place, suspect, f"the result is then {said.value}")
        part = 0.08 if is_part(statement, said.value, call) else 0.0
        yield change(place, here.before(statement, *head, f"    return {said.value}"), says, said, less=part)
    if _loop(place, statement) is not None:
        text = here.before(statement, *head, "    continue")
        yield change(place, text, _says(place, suspect, "it is left out"), skipping(place, suspect.about))


def _hoisted_part(place: Place, suspect: Suspect, statement: ast.stmt, name: str) -> Changes:
    """The named result's part, or the documented value in its place."""
    call, longest = place.source(suspect.missing), chain(place, suspect.node)
    for said in documented(place, suspect.about):
        good = suspect.good.replace(call, name)
        new = f"({place.source(longest).replace(call, name, 1)} if {good} else {said.value})"
        here = Place(place.tree, place.path, place.replace(longest, new), place.frame, place.crash)
        text = here.before(statement, f"{name} = {call}")
        yield change(place, text, _says(place, suspect, f"{said.value} is taken instead"), said, less=0.03)

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
from core.repair.localize.sources import Function, called, module_of
from core.repair.propose.base import Changes, change
from core.repair.propose.evidence import (
    SKIPPED,
    STAYS,
    Said,
    annotated,
    documented,
    guards_like,
    is_expression,
    missing_values,
    optional,
    raised,
    returned,
    sentences,
    siblings,
)
from core.repair.propose.iteration import shrinking_loops
from core.repair.propose.lift import lifted
from core.repair.propose.parts import chain, is_part, whole
from core.repair.propose.readers import suspects
from core.repair.propose.suspects import HOLE, Suspect, repeatable

LIFTS = 3


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
    text, node = place.source(suspect.missing), suspect.missing
    return form.replace(text, f"{place.source(node.func)}({place.source(node.args[0])})", 1)


def _statement(place: Place, suspect: Suspect) -> ast.stmt | None:
    """The innermost statement around the suspect's node."""
    around = [
        n for n in ast.walk(place.module) if isinstance(n, ast.stmt) and any(x is suspect.node for x in ast.walk(n))
    ]
    return max(around, key=lambda n: (n.lineno, n.col_offset), default=None)


def _guarded(place: Place, suspect: Suspect) -> ast.stmt | None:
    """The statement that a guard can stand before; None when the condition's names live inside of an expression."""
    statement = _statement(place, suspect)
    if statement is None or place.function is None or isinstance(statement, Function | ast.ClassDef):
        return None
    inner = {
        n.id
        for c in ast.walk(statement)
        if isinstance(c, ast.comprehension | ast.Lambda | ast.NamedExpr)
        for n in ast.walk(c.target if not isinstance(c, ast.Lambda) else c.args)
        if isinstance(n, ast.Name)
    }
    inner |= {a.arg for c in ast.walk(statement) if isinstance(c, ast.Lambda) for a in c.args.args}
    used = {n.id for n in ast.walk(ast.parse(suspect.good)) if isinstance(n, ast.Name)}
    own_loop = isinstance(statement, ast.For) and used & {
        n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)
    }
    elif_ = isinstance(statement, ast.If) and place.text.splitlines()[statement.lineno - 1].lstrip().startswith("elif")
    return None if used & inner or own_loop or elif_ else statement


def _loop(place: Place, statement: ast.stmt) -> ast.For | ast.While | None:
    """The innermost loop of the function around the statement."""
    loops = [n for n in ast.walk(place.function) if isinstance(n, ast.For | ast.While | ast.AsyncFor)]
    around = [n for n in loops if n is not statement and any(x is statement for b in n.body for x in ast.walk(b))]
    return max(around, key=lambda n: n.lineno, default=None)


def _early(place: Place, suspect: Suspect) -> Changes:
    """Return what the documentation gives for the missing case."""
    statement = _guarded(place, suspect)
    if statement is None or any(isinstance(n, ast.Yield) for n in ast.walk(place.function)):
        return
    # in a loop, or in the place of a mere step, the documented value is hardly the whole function's result
    doubt = (0.16 if accumulates(place) else 0.06) if _loop(place, statement) else 0.0
    doubt += 0.06 * isinstance(statement, ast.Expr)
    neutral = suspect.neutral if isinstance(statement, ast.Return) else ()
    copied = [
        Said(ast.unparse(body.value), words, trust)
        for body, words, trust in guards_like(place, suspect.bad)
        if isinstance(body, ast.Return) and body.value is not None and is_expression(ast.unparse(body.value))
    ]
    for said in [*copied[:1], *missing_values(place, neutral, suspect.about)]:
        says = _says(place, suspect, f"the result is then {said.value}")
        lines = (f"if {suspect.bad}:", f"    return {said.value}")
        part = 0.08 if is_part(statement, said.value, place.source(suspect.missing)) else 0.0
        yield change(place, place.before(statement, *lines), says, said, less=doubt + part)


def _skip_told(place: Place, suspect: Suspect) -> Said | None:
    said = next((s for s in sentences(place, suspect.about) if SKIPPED.search(s.text)), None)
    return Said("", f"the documentation says: {said.text[:200]}", said.trust + 0.02) if said else None


def _skip(place: Place, suspect: Suspect) -> Changes:
    """Leave the row out of the loop or comprehension, where the documentation says that such rows are."""
    why = _skip_told(place, suspect)
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
    if isinstance(statement, ast.Return) and statement is place.function.body[-1]:
        return
    told = sorted(sentences(place, suspect.about), key=lambda s: (not STAYS.search(s.text), -s.trust))
    told = told or [s for s in sentences(place, everything=True) if STAYS.search(s.text)]
    trust = (0.86 if STAYS.search(told[0].text) else min(0.82, told[0].trust)) if told else 0.5
    why = Said("", f"the documentation says: {told[0].text[:200]}", trust) if told else None
    if _calls_nobody(statement, suspect) and (words := optional(place, suspect.key)):
        why = Said("", f"{words}: there may be nobody to call", 0.86)
    text = _indented(place, statement, f"if {suspect.good}:")
    yield change(place, text, _says(place, suspect, "this step is then left out"), why)


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
    for name, sentence in raised(place):
        if name == place.crash.exception.type.rsplit(".", 1)[-1]:
            continue
        said = Said("", f"the documentation says: {sentence[:200]}", 0.93)
        argument = _argument(place, name, suspect)
        lines = (f"if {suspect.bad}:", f"    raise {name}({argument})")
        says = _says(place, suspect, f"{name} is raised, as documented")
        yield change(place, place.before(statement, *lines), says, said, raises=_tested(place, name))


def _tested(place: Place, name: str) -> str:
    """The import line that a test needs for the exception, and its name."""
    defined = any(isinstance(n, ast.ClassDef) and n.name == name for n in place.module.body)
    return f"from {module_of(place.path)} import {name}\n{name}" if defined or _imported(place, name) else name


def _imported(place: Place, name: str) -> bool:
    return any(
        isinstance(n, ast.ImportFrom) and any((a.asname or a.name) == name for a in n.names) for n in place.module.body
    )


def _argument(place: Place, name: str, suspect: Suspect) -> str:
    """What a sibling's raise gives it, when the names are here too; else the key or value that was asked for."""
    visible = {a.arg for a in ast.walk(place.function.args) if isinstance(a, ast.arg)}
    for node in ast.walk(place.module):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and called(node.exc) == name:
            used = {n.id for a in node.exc.args for n in ast.walk(a) if isinstance(n, ast.Name)}
            if used <= visible:
                return ", ".join(place.source(a) for a in node.exc.args)
    if isinstance(suspect.node, ast.Subscript):
        return place.source(suspect.node.slice)
    return repr(f"{place.source(suspect.missing)} is missing")


def _joined(place: Place, suspect: Suspect) -> Changes:
    """The condition joins the one that the expression stands in."""
    for test in [n.test for n in place.expressions(ast.If, ast.While, ast.IfExp) if n.test.lineno <= place.line]:
        if any(n is suspect.node for n in ast.walk(test)) and not isinstance(test, ast.Name):
            text = place.source(test)
            text = f"({text})" if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else text
            told = bool(suspect.key) and optional(place, suspect.key) or documented(place, suspect.about)
            said = Said("", "a condition about what is not there does not hold", 0.81 if told else 0.78)
            new = f"{suspect.good} and {text}"
            yield change(place, place.replace(test, new), _says(place, suspect, "the condition does not hold"), said)


def _hoisted(place: Place, suspect: Suspect) -> Changes:
    """What is missing is the result of a call that may not be made twice: it gets a name, then the guard."""
    statement = _guarded(place, suspect)
    if statement is None or isinstance(statement, ast.For | ast.While | ast.If):
        return
    call = place.source(suspect.missing)
    taken = {n.id for n in ast.walk(place.module) if isinstance(n, ast.Name)}
    name = next(n for n in ("found", "known", "value_found") if n not in taken)
    if not suspect.good.startswith(call):
        return
    here = Place(place.tree, place.path, place.replace(suspect.missing, name), place.frame, place.crash)
    yield from _hoisted_part(place, suspect, statement, name)
    head = (f"{name} = {call}", f"if {suspect.bad.replace(call, name)}:")
    for said in missing_values(place, (), suspect.about):
        says = _says(place, suspect, f"the result is then {said.value}")
        part = 0.08 if is_part(statement, said.value, call) else 0.0
        yield change(place, here.before(statement, *head, f"    return {said.value}"), says, said, less=part)
    if _loop(place, statement) is not None:
        text = here.before(statement, *head, "    continue")
        yield change(place, text, _says(place, suspect, "it is left out"), _skip_told(place, suspect))


def _hoisted_part(place: Place, suspect: Suspect, statement: ast.stmt, name: str) -> Changes:
    """The named result's part, or the documented value in its place."""
    call, longest = place.source(suspect.missing), chain(place, suspect.node)
    for said in documented(place, suspect.about):
        good = suspect.good.replace(call, name)
        new = f"({place.source(longest).replace(call, name, 1)} if {good} else {said.value})"
        here = Place(place.tree, place.path, place.replace(longest, new), place.frame, place.crash)
        text = here.before(statement, f"{name} = {call}")
        yield change(place, text, _says(place, suspect, f"{said.value} is taken instead"), said, less=0.03)

"""Calls led to a crash: entries added that were asked for on the way, and what had been written before. Pure."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from core.models import Crash, Frame
from core.repair.localize.fixability import deepest_in_app
from core.repair.localize.locate import extent, spliced
from core.repair.localize.sources import UNREADABLE, called, definition, parameters, parsed
from core.repair.localize.syntax import Function
from core.repair.reproduce.infer import shaped
from core.repair.reproduce.inputs import calls_to
from core.repair.reproduce.value_classes import value_classes
from core.repair.reproduce.values import source
from core.repair.sandbox.probe import Call, ProbeOutcome

STEPS = 12  # entries that are added one after another
VALUES = ("'3'", "3", "{}", "['3']")  # a text that is a number fits most
_STORING = {"append", "add", "setdefault", "update", "insert", "appendleft"}

_NO_MAPPING = re.compile(
    r"string indices must be integers|"
    r"'(str|int)' object (is not (subscriptable|iterable)|has no attribute '(get|items)')"
)


# --- entries that are asked for ------------------------------------------------------------------


def grown(calls: Sequence[Call], outcomes: Sequence[ProbeOutcome]) -> list[Call]:
    """For each call that lacked an entry somewhere, calls that have it; for a text in a mapping's place, mappings."""
    found = []
    for call, outcome in zip(calls, outcomes, strict=False):
        if outcome.error == "KeyError" and not outcome.deliberate:
            found += list(_with(call, outcome.text))
        elif _NO_MAPPING.search(outcome.text):
            found += list(_mapped(call))
    return list(dict.fromkeys(found))


def _mapped(call: Call) -> Iterator[Call]:
    try:
        tree = ast.parse(call.expression, mode="eval")
    except UNREADABLE:
        return
    texts = [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and n.value in ("text", 3)]
    for node in texts[:4]:
        yield from (replace(call, expression=spliced(call.expression, node, new)) for new in ("[{}]", "{}"))


def _with(call: Call, key: str) -> Iterator[Call]:
    try:
        tree, asked = ast.parse(call.expression, mode="eval"), ast.literal_eval(key)
    except UNREADABLE:
        return
    text, key = isinstance(asked, str), repr(asked)
    mappings = [n for n in ast.walk(tree) if isinstance(n, ast.Dict)]
    lacking = [n for n in mappings if key not in [ast.unparse(k) for k in n.keys if k]]
    yield from _in_json(call, tree, asked) if text else ()
    for node in lacking[-2:] if text else ():
        end = extent(call.expression, node)[1] - 1
        comma = ", " if node.keys else ""
        for value in VALUES:
            yield replace(call, expression=f"{call.expression[:end]}{comma}{key}: {value}{call.expression[end:]}")


def _in_json(call: Call, tree: ast.AST, key: str) -> Iterator[Call]:
    """The same in a mapping that is written out as JSON text."""
    for node in [n for n in ast.walk(tree) if isinstance(n, ast.Constant) and str(n.value)[:1] == "{"]:
        try:
            held = json.loads(node.value)
        except (*UNREADABLE, TypeError):
            continue
        texts = [repr(json.dumps({**held, key: value})) for value in ("3", 3, {}, ["3"])]
        yield from (replace(call, expression=spliced(call.expression, node, text)) for text in texts)


# --- what had been written before ----------------------------------------------------------------


def written_before(tree: Path, crash: Crash) -> Iterator[Call]:
    """The call of the deepest frame after a call, with arguments of the same names, of what fills its table."""
    frame = deepest_in_app(crash)
    found = definition(tree, frame) if frame and frame.locals is not None else None
    if found is None:
        return
    owner, node = found
    known = value_classes(tree)
    told = {a.arg: source(frame.locals.get(a.arg, "[Filtered]"), known) for a in parameters(node, owner)}
    if any(value is None for value in told.values()):
        return
    for writer in _writers(tree, frame, owner, node):
        yield from _after(tree, frame, (owner, node, writer), told)


def _after(tree: Path, frame: Frame, who: tuple, told: dict) -> Iterator[Call]:
    """``it = Registry(); it.register(name="CSV", exporter="text")``, then ``it.get(name="CSV")``."""
    owner, node, writer = who
    blank = frame.model_copy(update={"locals": {}})
    given = [
        (f"{a.arg}={(told.get(a.arg) or (shaped(a.annotation, writer, a.arg), ()))[0]}", ())
        for a in parameters(writer, owner)
    ]
    reads = [(f"{name}={value[0]}", value[1]) for name, value in told.items()]
    first = next(iter(calls_to(tree, blank, owner, writer, given)), None)
    for call in calls_to(tree, blank, owner, node, reads) if first else ():
        imports = "\n".join(dict.fromkeys([*first.imports.splitlines(), *call.imports.splitlines()]))
        made, read = _on_it(call.expression, node.name) if owner else ("", call.expression)
        step = _on_it(first.expression, writer.name)[1] if owner else first.expression
        yield Call(imports, read, f"it = {made}\n{step}" if owner else step)


def _on_it(expression: str, method: str) -> tuple[str, str]:
    """The object whose method is called, and the call on ``it`` in its place."""
    tree = ast.parse(expression, mode="eval")
    named = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == method]
    node = next(n for n in named if getattr(n.value, "id", "") != "asyncio")
    made, node.value = ast.unparse(node.value), ast.Name("it", ast.Load())
    return made, ast.unparse(tree)


def _writers(tree: Path, frame: Frame, owner: str, node: Function) -> list[Function]:
    """Other functions of the class or module that store in a table that the frame's function reads."""
    module = parsed(tree, frame.file)
    around = next((n for n in module.body if isinstance(n, ast.ClassDef) and n.name == owner), module)
    read = _tables(node, ast.Load)
    others = [n for n in around.body if isinstance(n, Function) and n is not node and not n.name.startswith("__")]
    return [n for n in others if read & _tables(n, ast.Store)]


def _tables(function: Function, way: type) -> set[str]:
    """What the function looks up in, or stores in: ``_texts``, ``self._exporters``; parameters left out."""
    own = {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}
    looked_up = [n for n in ast.walk(function) if isinstance(n, ast.Subscript) and isinstance(n.ctx, way)]
    found = {ast.unparse(n.value) for n in looked_up}
    if way is ast.Store:
        calls = [n for n in ast.walk(function) if isinstance(n, ast.Call) and called(n) in _STORING]
        found |= {ast.unparse(n.func.value) for n in calls if isinstance(n.func, ast.Attribute)}
    return {name for name in found if name.startswith("self.") or name.isidentifier() and name not in own}

"""A fix that makes a function return None where its annotation excludes it only moves the crash to the caller. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from core.models import Crash
from core.repair.localize.fixability import deepest_in_app
from core.repair.localize.sources import tree_of
from core.repair.localize.syntax import covers
from core.repair.sandbox.probe import Call, ProbeOutcome

NONE = re.compile(r"NoneType None(?: [|>] |$)")  # the form of a probe's result, before further observations
OPEN = re.compile(r"\b(None|Optional|Any|object|NoReturn|Never|Generator|Iterator|Coroutine|Self|[A-Z]\w?)\b")


def unannounced(texts: Mapping[str, str], crash: Crash, call: Call, after: ProbeOutcome) -> str | None:
    """Why the call's new result contradicts the annotation of the function that crashed; ``texts`` are by path."""
    frame = deepest_in_app(crash)
    if frame is None or not NONE.match(after.result) or called(call.expression) != frame.function:
        return None
    expected = returned(texts.get(frame.file, ""), frame.function, frame.line)
    if not expected or OPEN.search(expected):
        return None
    return f"{frame.function} would return None, and its callers expect {expected[:60]}"


def called(expression: str) -> str:
    """The name of the function that an expression calls; empty for any other expression."""
    try:
        node = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        return ""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", "") or getattr(function, "id", "")


def returned(text: str, name: str, line: int) -> str:
    """The return annotation of the function of this name around the line; empty without one."""
    try:
        nodes = [*ast.walk(tree_of(text))]
    except (SyntaxError, ValueError):
        return ""
    named = [n for n in nodes if isinstance(n, ast.FunctionDef) and n.name == name and covers(n, line)]
    return ast.unparse(named[-1].returns).strip("'\"") if named and named[-1].returns else ""

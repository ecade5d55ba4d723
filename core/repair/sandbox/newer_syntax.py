"""Parses code with a newer syntax than the platform's Python, by the service's own interpreter in the sandbox.

The interpreter starts isolated and without its packages, so that the service cannot influence the parsing. The result
is rebuilt from the platform's own node classes at the same positions. An unknown node becomes an equivalent known one
(``NEWER``); additional fields of a known node, such as type parameters, are dropped. Code with any other unknown node
stays unreadable.
"""

from __future__ import annotations

import ast
import functools
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from core.repair.localize.sources import Reader, reading, rooted
from core.repair.sandbox import syntax_inside
from core.repair.sandbox.desk import desk
from core.repair.sandbox.runner import interpreter_of, on, read_back
from core.repair.types import Runner

Args = ParamSpec("Args")
Result = TypeVar("Result")
SECONDS, LARGEST = 30.0, 64 << 20  # of one text; characters of its tree
PLACE = ("lineno", "col_offset", "end_lineno", "end_col_offset")
# node of a newer Python -> the platform's node, and the names of its fields there
NEWER: Mapping[str, tuple[type[ast.AST], Mapping[str, str]]] = {
    "TypeAlias": (ast.Assign, {"name": "targets", "value": "value"}),  # 3.12
    "TemplateStr": (ast.JoinedStr, {"values": "values"}),  # 3.14
    "Interpolation": (
        ast.FormattedValue,
        {"value": "value", "conversion": "conversion", "format_spec": "format_spec"},
    ),
}


def reader(runner: Runner) -> Reader | None:
    """A parser on the service's interpreter; None if that is not newer than the platform's."""
    interpreter = interpreter_of(runner)
    if interpreter.version <= sys.version_info[:2]:
        return None
    alone = on(runner, interpreter)  # without its test servers
    return lambda text: parsed(text, alone)


def knowing(work: Callable[Args, Result]) -> Callable[Args, Result]:
    """Let ``work``, which takes a ``runner``, parse whatever that interpreter can, with its import roots."""

    @functools.wraps(work)
    def run(*args: Args.args, **named: Args.kwargs) -> Result:
        runner = cast(Runner, named["runner"])
        with reading(reader(runner)), rooted(interpreter_of(runner).roots):
            return work(*args, **named)

    return run


def parsed(text: str, runner: Runner) -> ast.Module:
    """The syntax tree of a text. Raises SyntaxError if that interpreter cannot parse it either."""
    with tempfile.TemporaryDirectory(prefix="syntax-") as folder, desk(Path(folder).resolve()) as made:
        made.put("text", text)
        code = Path(str(syntax_inside.__file__)).read_text("utf-8")
        argv = ["python", "-I", "-S", "-c", code, f"{made.name}/text", f"{made.name}/answer"]
        done = runner.run(argv, made.folder.parent, SECONDS)
        answer = read_back(made.folder / "answer", LARGEST)
    try:
        report = json.loads(answer or "null")
        if "error" in report:
            raise SyntaxError(report["error"])
        tree = _node(report["tree"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        why = done.stopped or done.stderr.strip()[-300:] or "its output is not valid"
        raise SyntaxError(f"the service's interpreter could not parse it: {why}") from None
    if not isinstance(tree, ast.Module):
        raise SyntaxError("the service's interpreter returned no module")
    return tree


def _node(encoded: Any) -> Any:
    if isinstance(encoded, dict):
        return [_node(one) for one in encoded["list"]] if "list" in encoded else ast.literal_eval(encoded["value"])
    name, fields, place = encoded
    kind, names = NEWER.get(name) or (getattr(ast, name, None), None)
    if not (isinstance(kind, type) and issubclass(kind, ast.AST)):
        raise SyntaxError(f"this Python does not know the syntax {name}")
    own = {names[field] if names else field: value for field, value in fields.items() if not names or field in names}
    read = {field: _node(value) for field, value in own.items() if field in kind._fields}
    if name == "TypeAlias":
        read["targets"] = [read["targets"]]
    made = kind(**read)
    for attribute, value in zip(PLACE, place, strict=True):
        if value is not None and attribute in kind._attributes:
            setattr(made, attribute, int(value))
    return made

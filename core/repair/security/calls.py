"""Calls that make code of their input, replaced by those that do not: yaml.load, and a shell command. Pure."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from core.repair.localize.locate import spliced
from core.repair.localize.syntax import covers, identifier, nodes
from core.repair.security import sql
from core.repair.security.source import UnsafeUse, plain_function

RUNS = ("run", "call", "check_call", "check_output", "Popen")
HOLE = "\x00"  # in place of a value
SHELL = {HOLE, *"|&;<>()$`\\\"'*?[]#~!{}\n=%"}  # signs that mean something to a shell, or here


def loaded(text: str, line: int) -> UnsafeUse | None:
    """``yaml.load(x, …)``, which becomes ``yaml.safe_load(x)``; None if the line has none."""
    function, call = _call(text, line, "yaml", ("load", "unsafe_load", "full_load"))
    if function is None or call is None or not call.args:
        return None
    safe = f"yaml.safe_load({ast.unparse(call.args[0])})"
    return UnsafeUse(function, [call.args[0]], spliced(text, call, safe))


def run(text: str, line: int) -> UnsafeUse | None:
    """A formatted command that a shell runs, which becomes a list of words if no sign of a shell is in it."""
    function, call = _call(text, line, "subprocess", RUNS)
    shell = [k for k in call.keywords if k.arg == "shell"] if call else []
    if not (shell and getattr(shell[0].value, "value", None) is True):
        function, call = _call(text, line, "os", ("system", "popen"))
    if function is None or call is None or not call.args:
        return None
    parts = sql.parts_of(call.args[0])
    inserted = [part for part in parts if isinstance(part, ast.expr)]
    words = _words(parts) if shell and len(call.args) == 1 else ""
    if not inserted or not words:
        return UnsafeUse(function, inserted) if inserted else None
    rest = [ast.unparse(k) for k in call.keywords if k is not shell[0]]
    safe = f"{ast.unparse(call.func)}({', '.join([f'[{words}]', *rest])})"
    return UnsafeUse(function, inserted, spliced(text, call, safe))


def _call(text: str, line: int, module: str, names: Sequence[str]) -> tuple[ast.FunctionDef | None, ast.Call | None]:
    """(the function of the line, its call of ``module.name``)."""
    function = plain_function(ast.parse(text), line)
    calls = [n for n in nodes(function, ast.Call) if covers(n, line)] if function else []
    found = [
        n
        for n in calls
        if isinstance(n.func, ast.Attribute) and identifier(n.func.value) == module and n.func.attr in names
    ]
    return function, found[0] if len(found) == 1 else None


def _words(parts: Sequence[sql.Part]) -> str:
    """The source of the words of a command; empty if a shell would do more than split it."""
    if any(isinstance(part, str) and SHELL & set(part) for part in parts):
        return ""
    values = [part for part in parts if isinstance(part, ast.expr)]
    words = "".join(part if isinstance(part, str) else HOLE for part in parts).split()
    found, used = [], iter(values)
    if not words or HOLE in words[0]:  # the program itself is a part of the input
        return ""
    for word in words:
        texts = word.split(HOLE)
        holes = [next(used) for _ in texts[1:]]
        if texts == ["", ""]:
            found.append(f"str({ast.unparse(holes[0])})")
        else:
            joined: list[ast.expr] = [ast.Constant(texts[0])]
            for hole, text in zip(holes, texts[1:], strict=True):
                joined += [ast.FormattedValue(hole, -1, None), ast.Constant(text)]
            found.append(ast.unparse(ast.JoinedStr(joined)) if holes else repr(word))
    return ", ".join(found)

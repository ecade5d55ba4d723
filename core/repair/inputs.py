"""Calls that may lead to a crash, rebuilt from the report, the existing tests, and the logs. Pure."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from pathlib import Path

from core.models import Crash, Frame
from core.repair.probe import Call

_BOUNDARIES = ("None", "''", "0", "-1", "1", "[]", "{}", "'x'", "'7'", "10000")
_MODULES = ("datetime.", "Decimal(", "date(")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def calls_of(tree: Path, crash: Crash) -> list[Call]:
    """Likely calls, outermost frame first; those from recorded locals before guessed ones."""
    frames = [f for f in crash.frames if f.in_app]
    recorded = recorded_calls(tree, crash)
    seeds = [c for f in frames for c in seeds_of(tree, f)]
    guessed = [m for seed in seeds for m in mutated(seed, pool_of(crash))]
    return list(dict.fromkeys([*recorded, *seeds, *guessed]))[:400]


def recorded_calls(tree: Path, crash: Crash) -> list[Call]:
    """Calls whose arguments the report's locals hold, outermost frame first."""
    return [c for f in crash.frames if f.in_app for c in _recorded(tree, f)]


def module_of(file: str) -> str:
    """Name under which a file is imported; a ``src`` folder is on the path, not in the name."""
    return file.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def literal(text: str) -> str | None:
    """``text`` when it is safe to write into a call: literals, and times and decimals."""
    if "[Filtered]" in text or " object at 0x" in text or " at 0x" in text:
        return None
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text if _plain_constructor(text) else None
    return text


def _plain_constructor(text: str) -> bool:
    """A call of datetime or Decimal with literals alone."""
    try:
        body = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    parts = [*body.args, *(k.value for k in body.keywords)] if isinstance(body, ast.Call) else []
    return (
        bool(parts)
        and text.startswith(_MODULES)
        and all(isinstance(p, ast.Constant) or ast.unparse(p) == "datetime.timezone.utc" for p in parts)
    )


def _recorded(tree: Path, frame: Frame) -> Iterator[Call]:
    """The frame's own call, from its locals; a method's object is built by its class without arguments."""
    found = definition(tree, frame)
    if found is None or frame.locals is None:
        return
    owner, node = found
    arguments = []
    for parameter in _parameters(node, owner):
        value = literal(frame.locals.get(parameter.arg, "[Filtered]"))
        if value is None:
            return
        arguments.append(f"{parameter.arg}={value}")
    yield Call(module_of(frame.file), f"{_callee(owner, node)}({', '.join(arguments)})")


def _callee(owner: str, node: _Function) -> str:
    static = {getattr(d, "id", "") for d in node.decorator_list} & {"staticmethod", "classmethod"}
    if not owner:
        return node.name
    return f"{owner}.{node.name}" if static else f"{owner}().{node.name}"


def _parameters(node: _Function, owner: str) -> list[ast.arg]:
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return named[1:] if owner and named and named[0].arg in ("self", "cls") else named


def definition(tree: Path, frame: Frame) -> tuple[str, _Function] | None:
    """(class name or "", function) of the frame, when it lies at the top of a module or class."""
    module = parsed(tree, frame.file)
    for owner in [module, *(n for n in module.body if isinstance(n, ast.ClassDef))]:
        for node in owner.body:
            named = isinstance(node, _Function) and node.name == frame.function
            if named and node.lineno <= frame.line <= node.end_lineno:
                return getattr(owner, "name", ""), node
    return None


def parsed(tree: Path, file: str) -> ast.Module:
    """Syntax tree of a file of the tree; an empty one when it is outside, missing or not Python."""
    path = (tree / file).resolve()
    if not path.is_relative_to(tree.resolve()) or not path.is_file():
        return ast.Module([], [])
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def seeds_of(tree: Path, frame: Frame) -> list[Call]:
    """Calls of the frame's function in the existing tests whose arguments are all literals."""
    found = definition(tree, frame)
    if found is None or found[0]:
        return []
    name, calls = found[1].name, []
    for path in sorted(tree.glob("**/test_*.py"))[:50]:
        for node in ast.walk(parsed(tree, str(path.relative_to(tree)))):
            is_call = isinstance(node, ast.Call) and name in (
                getattr(node.func, "id", ""),
                getattr(node.func, "attr", ""),
            )
            values = [*node.args, *(k.value for k in node.keywords)] if is_call else []
            if is_call and all(literal(ast.unparse(v)) for v in values):
                inside = ast.Call(ast.Name(name), node.args, node.keywords)
                calls.append(Call(module_of(frame.file), ast.unparse(inside)))
    return calls or _blank(frame, found[1])


def _blank(frame: Frame, node: _Function) -> list[Call]:
    """Without a call to learn from: the same boundary value for every parameter."""
    count = len(_parameters(node, ""))
    values = _BOUNDARIES if count else ("",)
    return [Call(module_of(frame.file), f"{node.name}({', '.join([v] * count)})") for v in values]


def pool_of(crash: Crash) -> list[str]:
    """Literals that the report's logs, message and locals name, then boundary values."""
    texts = [*crash.logs, crash.exception.message]
    found = [repr(a) for t in texts for a in re.findall(r'"([^"]+)"', t)]
    found += [repr(a) for t in texts for a in re.findall(r"'([^']+)'", t)]
    words = [w for t in texts for w in re.findall(r"[\w.]+=([^\s\"',;]+)", t)]
    found += [repr(w) for w in words] + [w for w in words if re.fullmatch(r"-?(0|[1-9]\d{0,17})", w)]
    return list(dict.fromkeys([*found[:40], *_BOUNDARIES]))


def mutated(call: Call, pool: list[str]) -> Iterator[Call]:
    """The call with one leaf at a time, then one key, list item or argument, replaced or left out."""
    tree = ast.parse(call.expression, mode="eval")
    leaves = [i for i, n in enumerate(ast.walk(tree)) if isinstance(n, ast.Constant)]
    for index in leaves[:24]:
        for text in pool:
            changed = copy.deepcopy(tree)
            node = list(ast.walk(changed))[index]
            value = ast.parse(text, mode="eval").body
            changed = _Swap(node, value).visit(changed)
            yield Call(call.module, ast.unparse(ast.fix_missing_locations(changed)))


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST):
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)

"""Traces the origin of a value: assignments, callers' arguments, fields and keys that other files set. Pure.

This walks the syntax and is not a full data-flow analysis: the frames of the crash show which calls were made; names,
fields and keys are matched by name. Running the candidates shows which origin was the right one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from core.models import Frame
from core.repair.localize.locate import Place, place_of
from core.repair.localize.sources import called, files, parameters, parsed
from core.repair.localize.syntax import (
    Function,
    class_around,
    functions_in,
    identifier,
    last_name,
    nodes,
    targets_of,
)

DEPTH, MOST = 6, 14
Origin = tuple[Place, ast.expr]


def origins(place: Place, node: ast.expr) -> list[Origin]:
    """Expressions through which the value may have passed, nearest first, without the node itself."""
    found: list[Origin] = []
    seen: set[tuple[str, int, int]] = set()
    front = [(place, node)]
    for _ in range(DEPTH):
        following = []
        for at, value in front:
            for origin in _before(at, value):
                key = (origin[0].path, origin[1].lineno, origin[1].col_offset)
                if key not in seen and len(found) < MOST:
                    seen.add(key)
                    found.append(origin)
                    following.append(origin)
        front = following
    return found


def _before(place: Place, node: ast.expr) -> Iterator[Origin]:
    if isinstance(node, ast.Name):
        yield from _assigned(place, node.id)
        yield from _given(place, node.id)
    elif isinstance(node, ast.Attribute):
        yield from _written(place, node.attr, field=True)
    elif (key := _key_of(node)) is not None:
        yield from _written(place, key)
    elif isinstance(node, ast.Call):
        yield from _results(place, called(node))
    elif isinstance(node, ast.Subscript):
        yield place, node.value
    else:
        yield from ((place, part) for part in _operands(node) if isinstance(part, _TRACED))


_TRACED = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


def _key_of(node: ast.expr) -> str | None:
    """The key of ``row["key"]`` and ``row.get("key")``."""
    if isinstance(node, ast.Subscript):
        key = node.slice
        return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
    first = node.args[0] if isinstance(node, ast.Call) and called(node) == "get" and node.args else None
    return str(first.value) if isinstance(first, ast.Constant) else None


def _operands(node: ast.expr) -> list[ast.expr]:
    """The operands of an operation, the alternatives that it chooses from, or the items of what it builds."""
    if isinstance(node, ast.ListComp):
        return [node.elt]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    return node.values if isinstance(node, ast.BoolOp) else []


def _assigned(place: Place, name: str) -> Iterator[Origin]:
    for node in ast.walk(place.scope):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield from _set_by(place, node, name)
        elif isinstance(node, ast.For | ast.comprehension) and identifier(node.target) == name:
            yield from _elements(place, node.iter)


def _set_by(place: Place, node: ast.Assign | ast.AnnAssign, name: str) -> Iterator[Origin]:
    """The values that assignments before the failure give the name."""
    if node.value is None or node.lineno > place.line:
        return
    targets = targets_of(node)
    if any(identifier(target) == name for target in targets):
        yield place, node.value
    for target in targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=False)
            yield from ((place, value) for part, value in pairs if identifier(part) == name)


def _elements(place: Place, node: ast.expr) -> Iterator[Origin]:
    """The items of an iterated list, if it is a literal or a comprehension."""
    values = (
        node.elts if isinstance(node, ast.List | ast.Tuple) else [node.elt] if isinstance(node, ast.ListComp) else []
    )
    yield from ((place, v) for v in values)


def caller_of(place: Place) -> Place | None:
    """The place of the next outer frame of the program."""
    frames = list(place.crash.frames)
    at = next((i for i, f in enumerate(frames) if f is place.frame), None)
    if at is None:
        return None
    outer = next((f for f in reversed(frames[:at]) if f.in_app), None)
    return place_of(place.tree, place.crash, outer) if outer else None


def _given(place: Place, name: str) -> Iterator[Origin]:
    """The argument or the default of a function's parameter in a call."""
    function = place.function
    if function is None or name not in {a.arg for a in nodes(function.args, ast.arg)}:
        return
    caller = caller_of(place)
    if caller is None:
        yield from _calls_anywhere(place, function, name)
        return
    wanted = {function.name, _class_of(place) if function.name == "__init__" else function.name}
    for node in caller.expressions(ast.Call):
        if called(node) in wanted:
            yield from ((caller, a) for a in arguments(node, function, name))


def _calls_anywhere(place: Place, function: Function, name: str) -> Iterator[Origin]:
    wanted = _class_of(place) if function.name == "__init__" else function.name
    for other in _everywhere(place):
        for node in nodes(other.module, ast.Call):
            if called(node) == wanted:
                yield from ((_on(other, node), a) for a in arguments(node, function, name))


def _class_of(place: Place) -> str:
    owner = class_around(place.module, place.function)
    return owner.name if owner else ""


def arguments(call: ast.Call, function: Function, name: str) -> Iterator[ast.expr]:
    """The argument that a call passes for a function's parameter."""
    method = isinstance(call.func, ast.Attribute) or function.name == "__init__"
    names = [a.arg for a in parameters(function, "x" if method else "")]
    yield from (k.value for k in call.keywords if k.arg == name)
    if name in names and names.index(name) < len(call.args):
        yield call.args[names.index(name)]


def _written(place: Place, name: str, field: bool = False) -> Iterator[Origin]:
    """All places of the program that write a key, keyword or field of this name."""
    for other in _everywhere(place):
        for node in nodes(other.module, ast.Dict, ast.Call, ast.Assign, ast.ClassDef):
            yield from ((_on(other, node), value) for value in _writes(node, name))
            if field and isinstance(node, ast.ClassDef):
                yield from _of_field(other, node, name)


def _writes(node: ast.AST, name: str) -> Iterator[ast.expr]:
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == name)
    elif isinstance(node, ast.Call):
        yield from (k.value for k in node.keywords if k.arg == name)
    elif isinstance(node, ast.Assign):
        yield from [node.value] * sum(_is_entry(target, name) for target in node.targets)


def _is_entry(target: ast.expr, name: str) -> bool:
    """A field or an entry of this name that is set."""
    if isinstance(target, ast.Attribute):
        return target.attr == name
    return isinstance(target, ast.Subscript) and getattr(target.slice, "value", None) == name


def _of_field(place: Place, node: ast.ClassDef, name: str) -> Iterator[Origin]:
    """Positional arguments for a dataclass's field."""
    fields = [n.target.id for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)]
    if name not in fields:
        return
    for other in _everywhere(place):
        for call in ast.walk(other.module):
            if isinstance(call, ast.Call) and called(call) == node.name and fields.index(name) < len(call.args):
                yield _on(other, call), call.args[fields.index(name)]


def _results(place: Place, name: str) -> Iterator[Origin]:
    """The expressions that a function of the program returns."""
    for other in _everywhere(place):
        for function in functions_in(other.module):
            if function.name == name:
                found = [n for n in nodes(function, ast.Return) if n.value is not None]
                yield from ((_on(other, n), n.value) for n in found if n.value is not None)


def _everywhere(place: Place) -> Iterator[Place]:
    yield place
    for path in files(place.tree):
        if path != place.path and parsed(place.tree, path).body:
            text = (place.tree / path).read_text(encoding="utf-8")
            yield Place(place.tree, path, text, Frame(file=path), place.crash)


def _on(place: Place, node: ast.stmt | ast.expr) -> Place:
    """The place in the same file at the node's line; the frame of the crash there, where there is one."""
    same = [f for f in place.crash.frames if f.in_app and f.file == place.path and f.line == node.lineno]
    frame = same[-1] if same else Frame(file=place.path, line=node.lineno)
    return Place(place.tree, place.path, place.text, frame, place.crash)


def annotation(place: Place, name: str) -> str:
    """The annotation of a parameter of the place's function, or of a field of that name in the program."""
    own = nodes(place.function.args, ast.arg) if place.function else []
    for argument in own:
        if argument.arg == name and argument.annotation:
            return ast.unparse(argument.annotation)
    for path in [place.path, *files(place.tree)]:
        for node in nodes(parsed(place.tree, path), ast.AnnAssign):
            if last_name(node.target) == name:
                return ast.unparse(node.annotation)
    return ""

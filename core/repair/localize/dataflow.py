"""Where a value came from: assignments, the callers' arguments, fields and keys that other files set. Pure.

A walk over the syntax, not a full data-flow analysis: the frames of the crash say which calls were made,
and what names, fields and keys are called says the rest. Running the candidates shows which origin it was.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from core.models import Frame
from core.repair.localize.locate import Place, place_of
from core.repair.localize.sources import Function, called, files, parameters, parsed

DEPTH, MOST = 6, 14
Origin = tuple[Place, ast.expr]


def origins(place: Place, node: ast.expr) -> list[Origin]:
    """Expressions that the value may have come through, nearest first; the node itself is not among them."""
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
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        yield from _written(place, node.slice.value)
    elif isinstance(node, ast.Call):
        if called(node) == "get" and node.args and isinstance(node.args[0], ast.Constant):
            yield from _written(place, str(node.args[0].value))
        else:
            yield from _results(place, called(node))
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.IfExp):
        parts = [getattr(node, f, None) for f in ("left", "right", "body", "orelse")] + list(
            getattr(node, "values", [])
        )
        yield from ((place, p) for p in parts if isinstance(p, ast.Name | ast.Attribute | ast.Subscript | ast.Call))


def _assigned(place: Place, name: str) -> Iterator[Origin]:
    for node in ast.walk(place.function or place.module):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and node.lineno <= place.line:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                yield place, node.value
            yield from _unpacked(place, node, targets, name)
        if isinstance(node, ast.For | ast.comprehension) and getattr(node.target, "id", None) == name:
            yield from _elements(place, node.iter)


def _unpacked(place: Place, node: ast.Assign | ast.AnnAssign, targets: list, name: str) -> Iterator[Origin]:
    for target in targets:
        pairs = zip(target.elts, node.value.elts, strict=False) if _both_tuples(target, node.value) else ()
        yield from ((place, v) for t, v in pairs if getattr(t, "id", None) == name)


def _both_tuples(a: ast.expr, b: ast.expr) -> bool:
    return isinstance(a, ast.Tuple) and isinstance(b, ast.Tuple)


def _elements(place: Place, node: ast.expr) -> Iterator[Origin]:
    """What a looped list holds, where it is written out or built by a comprehension."""
    values = (
        node.elts if isinstance(node, ast.List | ast.Tuple) else [node.elt] if isinstance(node, ast.ListComp) else []
    )
    yield from ((place, v) for v in values)


def caller_of(place: Place) -> Place | None:
    """The place of the next frame outwards that is the program's own."""
    frames = list(place.crash.frames)
    at = next((i for i, f in enumerate(frames) if f is place.frame), None)
    if at is None:
        return None
    outer = next((f for f in reversed(frames[:at]) if f.in_app), None)
    return place_of(place.tree, place.crash, outer) if outer else None


def _given(place: Place, name: str) -> Iterator[Origin]:
    """The argument, or the default, that a call gave the function's parameter."""
    function = place.function
    if function is None or name not in {a.arg for a in ast.walk(function.args) if isinstance(a, ast.arg)}:
        return
    caller = caller_of(place)
    if caller is not None:
        for node in caller.expressions(ast.Call):
            if called(node) == function.name or (function.name == "__init__" and called(node) == _class_of(place)):
                yield from ((caller, a) for a in arguments(node, function, name))
    else:
        yield from _calls_anywhere(place, function, name)


def _calls_anywhere(place: Place, function: ast.AST, name: str) -> Iterator[Origin]:
    wanted = _class_of(place) if function.name == "__init__" else function.name
    for other in _everywhere(place):
        for node in ast.walk(other.module):
            if isinstance(node, ast.Call) and called(node) == wanted:
                yield from ((_on(other, node), a) for a in arguments(node, function, name))


def _class_of(place: Place) -> str:
    return next((n.name for n in place.module.body if isinstance(n, ast.ClassDef) and place.function in n.body), "")


def arguments(call: ast.Call, function: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a call gives a function's parameter."""
    method = isinstance(call.func, ast.Attribute) or function.name == "__init__"
    names = [a.arg for a in parameters(function, "x" if method else "")]
    yield from (k.value for k in call.keywords if k.arg == name)
    if name in names and names.index(name) < len(call.args):
        yield call.args[names.index(name)]


def _written(place: Place, name: str, field: bool = False) -> Iterator[Origin]:
    """Everything that writes a key, keyword or field of this name, anywhere in the program."""
    for other in _everywhere(place):
        for node in ast.walk(other.module):
            yield from ((_on(other, node), value) for value in _writes(node, name))
            if field and isinstance(node, ast.ClassDef):
                yield from _of_field(other, node, name)


def _writes(node: ast.AST, name: str) -> Iterator[ast.expr]:
    if isinstance(node, ast.Dict):
        yield from (
            v for k, v in zip(node.keys, node.values, strict=True) if isinstance(k, ast.Constant) and k.value == name
        )
    elif isinstance(node, ast.Call):
        yield from (k.value for k in node.keywords if k.arg == name)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            key = getattr(getattr(target, "slice", None), "value", None) if isinstance(target, ast.Subscript) else None
            if getattr(target, "attr", None) == name or key == name:
                yield node.value


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
    """What a function of the program returns."""
    for other in _everywhere(place):
        for node in ast.walk(other.module):
            if isinstance(node, Function) and node.name == name:
                for inner in ast.walk(node):
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        yield _on(other, inner), inner.value


def _everywhere(place: Place) -> Iterator[Place]:
    yield place
    for path in files(place.tree):
        if path != place.path and parsed(place.tree, path).body:
            text = (place.tree / path).read_text(encoding="utf-8")
            yield Place(place.tree, path, text, Frame(file=path), place.crash)


def _on(place: Place, node: ast.AST) -> Place:
    """The place in the same file at the node's line; the frame of the crash there, where there is one."""
    same = [f for f in place.crash.frames if f.in_app and f.file == place.path and f.line == node.lineno]
    frame = same[-1] if same else Frame(file=place.path, line=node.lineno)
    return Place(place.tree, place.path, place.text, frame, place.crash)


def annotation(place: Place, name: str) -> str:
    """The annotation of a parameter of the place's function, or of a field of that name in the program."""
    for argument in ast.walk(place.function.args) if place.function else ():
        if isinstance(argument, ast.arg) and argument.arg == name and argument.annotation:
            return ast.unparse(argument.annotation)
    for path in [place.path, *files(place.tree)]:
        for node in ast.walk(parsed(place.tree, path)):
            if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", getattr(node.target, "attr", "")) == name:
                return ast.unparse(node.annotation)
    return ""

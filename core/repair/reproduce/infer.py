"""Infers a plausible value for a parameter from its annotation, else from its use in the function. Pure."""

from __future__ import annotations

import ast

from core.repair.localize.sources import called
from core.repair.localize.syntax import identifier, last_name, nodes, receiver
from core.repair.reproduce.values import AWAITABLE, CALLABLE

_BY_ANNOTATION = {
    "str": "'text'", "int": "3", "float": "2.5", "bool": "True", "bytes": "b'text'", "dict": "{}", "list": "[]",
    "tuple": "()", "set": "set()", "Decimal": "Decimal('2.5')", "datetime": "datetime.datetime(2024, 5, 6, 7, 8, 9)",
    "date": "datetime.date(2024, 5, 6)", "Path": "Path('missing')", "timedelta": "datetime.timedelta(hours=1)",
}  # fmt: skip
_LISTS = {"list", "List", "Iterable", "Sequence", "Iterator", "Collection", "tuple", "set", "Set"}
_TEXT = {n for n in dir(str) if not n.startswith("_")} - {n for n in dir(list)} - {"count", "index"}
_LIST = {"append", "extend", "sort", "insert", "remove"}
_READ: dict[str | tuple[str, str], str] = {
    "fromisoformat": "'2024-05-06T07:08:09'", ("date", "fromisoformat"): "'2024-05-06'", "int": "'3'", "float": "'2.5'",
    "Decimal": "'2.5'", ("json", "loads"): "'{}'", "fromstring": "'<a><b>1</b></a>'", "b64decode": "'YWJj'",
    "urlsafe_b64decode": "'YWJj'", "fromhex": "'00ff'", "UUID": "'12345678-1234-5678-1234-567812345678'",
}  # fmt: skip
DEPTH = 4
LOOPED = "{'text': 3}"  # a mapping that is iterated


def shaped(annotation: ast.expr | None, function: ast.AST | None = None, name: str = "", depth: int = DEPTH) -> str:
    """An expression for a value of this annotation, or for a parameter used as ``function`` uses ``name``."""
    annotated = _annotated(annotation)
    if annotated and annotated not in ("{}", "[]", "()"):
        return annotated
    used = _used(function, name, depth) if function and name else ""
    value = _value_of(annotation) if used == LOOPED else ""
    return (f"{{'text': {value}}}" if value else used) or annotated or "'text'"


def _value_of(annotation: ast.expr | None) -> str:
    """A value for the values of ``dict[str, list[dict]]``."""
    inner = annotation.slice if isinstance(annotation, ast.Subscript) else None
    return _annotated(inner.elts[1]) if isinstance(inner, ast.Tuple) and len(inner.elts) == 2 else ""


def _annotated(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _annotated(_read_annotation(node.value))
    if isinstance(node, ast.BinOp):
        return _annotated(node.left) or _annotated(node.right)
    if not isinstance(node, ast.Subscript):
        return _BY_ANNOTATION.get(last_name(node), "")
    outer, inner = last_name(node.value), _annotated(node.slice)
    if outer == "Optional":
        return inner
    return f"[{inner}]" if outer in _LISTS else "{}"


def _read_annotation(text: str) -> ast.expr | None:
    """An annotation that is written as text."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _used(function: ast.AST, name: str, depth: int) -> str:
    """A value inferred from the subscripts, methods, loops and sums that use the name."""
    if depth == 0:
        return ""
    ways = (
        lambda: _looked_up(function, name, depth),
        lambda: _read_by(function, ast.Name(name)),
        lambda: stand_in(function, name) if name in map(identifier, _called_names(function)) else "",
        lambda: _moment(function, name),
        lambda: _by_method(function, name),
        lambda: _looped(function, name, depth),
        lambda: _summed(function, name),
    )
    return next(filter(None, (way() for way in ways)), "")


def _called_names(function: ast.AST) -> list[ast.expr]:
    return [n.func for n in nodes(function, ast.Call)]


def stand_in(function: ast.AST, name: str) -> str:
    """A function for a parameter that is called; if its result is awaited, an async one."""
    awaited = [n.value for n in nodes(function, ast.Await) if isinstance(n.value, ast.Call)]
    return AWAITABLE if any(identifier(n.func) == name for n in awaited) else CALLABLE


def _looked_up(function: ast.AST, name: str, depth: int) -> str:
    """A mapping with the keys that the function looks up, or a list."""
    uses = [n for n in nodes(function, ast.Subscript) if identifier(n.value) == name]
    if keys := _keys_asked(function, uses, name):
        parts = [f"{key!r}: {_field(function, name, key, depth)}" for key in dict.fromkeys(keys)]
        return "{" + ", ".join(parts) + "}"
    by_name = [n for n in uses if isinstance(n.slice, ast.Name | ast.Attribute | ast.Call | ast.Subscript)]
    if by_name:
        return f"{{'text': {_entry(function, by_name[0], depth)}}}"
    return "['text', 'text']" if uses else ""


def _keys_asked(function: ast.AST, uses: list[ast.Subscript], name: str) -> list[str]:
    """Keys of ``name["key"]`` and ``name.get("key")``."""
    slices = [n.slice.value for n in uses if isinstance(n.slice, ast.Constant)]
    got = [n.args[0] for n in _methods(function, name) if called(n) == "get" and n.args]
    return [s for s in slices if isinstance(s, str)] + [str(n.value) for n in got if isinstance(n, ast.Constant)]


def _methods(function: ast.AST, name: str) -> list[ast.Call]:
    return [n for n in nodes(function, ast.Call) if identifier(receiver(n)) == name]


def _by_method(function: ast.AST, name: str) -> str:
    """A text or a list, by a method that only that type has."""
    for call in _methods(function, name):
        method = called(call)
        if method in ("split", "rsplit", "partition") and call.args:
            return _separated(call.args[0])
        if method in _TEXT | _LIST:
            return "'text'" if method in _TEXT else "[]"
    return ""


def _moment(function: ast.AST, name: str) -> str:
    """A date or a datetime, by the attributes that the function reads."""
    parts = {n.attr for n in nodes(function, ast.Attribute) if identifier(n.value) == name}
    if parts & {"hour", "minute", "tzinfo", "astimezone", "timestamp"}:
        return _BY_ANNOTATION["datetime"]
    return _BY_ANNOTATION["date"] if parts & {"year", "month", "day", "weekday", "strftime", "isocalendar"} else ""


def _entry(function: ast.AST, node: ast.Subscript, depth: int) -> str:
    """The value of an entry, inferred from the use of the variable that it is assigned to."""
    for outer in nodes(function, ast.Assign):
        variable = identifier(outer.targets[0])
        if variable and ast.unparse(outer.value) == ast.unparse(node):
            return _used(function, variable, depth - 1) or "3"
    return "3"


def _read_by(function: ast.AST, value: ast.expr) -> str:
    """A text that the called function can parse: JSON, a number, a time."""
    for node in nodes(function, ast.Call):
        if node.args and ast.unparse(node.args[0]) == ast.unparse(value):
            name, owner = called(node), ast.unparse(node.func).split(".")[0]
            if read := _READ.get((owner, name)) or _READ.get(name):
                return read
    return ""


def _separated(separator: ast.expr) -> str:
    """A text with several parts for the separator, each of which is a number."""
    text = separator.value if isinstance(separator, ast.Constant) and isinstance(separator.value, str) else " "
    return repr(text.join(("1", "2", "3")))


def _looped(function: ast.AST, name: str, depth: int) -> str:
    for node in nodes(function, ast.For, ast.comprehension):
        if identifier(node.iter) == name:
            variable = identifier(node.target)
            return f"[{_used(function, variable, depth - 1) or repr('text')}]" if variable else "[('text', 3)]"
        if isinstance(node.iter, ast.Call) and identifier(receiver(node.iter)) == name:
            return LOOPED
    return ""


def _summed(function: ast.AST, name: str) -> str:
    for node in nodes(function, ast.BinOp, ast.Compare):
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.left, *node.comparators]
        if name in map(identifier, sides):
            return "3"
    return ""


def _field(function: ast.AST, name: str, key: str, depth: int) -> str:
    """The value of a field: inferred from the variable that it is assigned to, else a number if it is summed."""
    for way in (f"{name}[{key!r}]", f"{name}.get({key!r})"):
        if read := _read_by(function, ast.parse(way, mode="eval").body):
            return read
    uses = (_field_use(function, node, name, key, depth) for node in ast.walk(function))
    return next(filter(None, uses), "'text'")


def _field_use(function: ast.AST, node: ast.AST, name: str, key: str, depth: int) -> str:
    """The value that one use of the field implies; empty if the node does not use it."""
    if isinstance(node, ast.BinOp):
        return "3" if _reads(node.left, name, key) or _reads(node.right, name, key) else ""
    if isinstance(node, ast.Assign) and _reads(node.value, name, key):
        variable = identifier(node.targets[0])
        return (_used(function, variable, depth - 1) or "'text'") if variable else ""
    if isinstance(node, ast.For | ast.comprehension) and _reads(node.iter, name, key):
        variable = identifier(node.target)
        inner = _used(function, variable, depth - 1) if variable else ""
        return f"[{inner or repr('text')}]"
    return ""


def _reads(node: ast.AST, name: str, key: str) -> bool:
    if isinstance(node, ast.Subscript):
        asked = node.slice if identifier(node.value) == name else None
    else:
        got = isinstance(node, ast.Call) and called(node) == "get" and identifier(receiver(node)) == name
        asked = node.args[0] if isinstance(node, ast.Call) and got and node.args else None
    return isinstance(asked, ast.Constant) and asked.value == key

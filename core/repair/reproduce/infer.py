"""A plausible value for a parameter: from its annotation, else from what the function does with it. Pure."""

from __future__ import annotations

import ast

from core.repair.reproduce.values import AWAITABLE, CALLABLE

_BY_ANNOTATION = {
    "str": "'text'", "int": "3", "float": "2.5", "bool": "True", "bytes": "b'text'", "dict": "{}", "list": "[]",
    "tuple": "()", "set": "set()", "Decimal": "Decimal('2.5')", "datetime": "datetime.datetime(2024, 5, 6, 7, 8, 9)",
    "date": "datetime.date(2024, 5, 6)", "Path": "Path('missing')", "timedelta": "datetime.timedelta(hours=1)",
}  # fmt: skip
_LISTS = {"list", "List", "Iterable", "Sequence", "Iterator", "Collection", "tuple", "set", "Set"}
_TEXT = {n for n in dir(str) if not n.startswith("_")} - {n for n in dir(list)} - {"count", "index"}
_DICT = {"get", "items", "keys", "values", "setdefault", "update"}
_LIST = {"append", "extend", "sort", "insert", "remove"}
_READ = {
    "fromisoformat": "'2024-05-06T07:08:09'", ("date", "fromisoformat"): "'2024-05-06'", "int": "'3'", "float": "'2.5'",
    "Decimal": "'2.5'", ("json", "loads"): "'{}'", "fromstring": "'<a><b>1</b></a>'", "b64decode": "'YWJj'",
    "urlsafe_b64decode": "'YWJj'", "fromhex": "'00ff'", "UUID": "'12345678-1234-5678-1234-567812345678'",
}  # fmt: skip
DEPTH = 4
LOOPED = "{'text': 3}"  # a mapping whose entries are gone through


def shaped(annotation: ast.expr | None, function: ast.AST | None = None, name: str = "", depth: int = DEPTH) -> str:
    """An expression for a value of this annotation, or for a parameter used as ``function`` uses ``name``."""
    told = _annotated(annotation)
    if told and told not in ("{}", "[]", "()"):
        return told
    used = _used(function, name, depth) if function and name else ""
    value = _value_of(annotation) if used == LOOPED else ""
    return (f"{{'text': {value}}}" if value else used) or told or "'text'"


def _value_of(annotation: ast.expr | None) -> str:
    """A value for ``dict[str, list[dict]]``'s values."""
    inner = annotation.slice if isinstance(annotation, ast.Subscript) else None
    return _annotated(inner.elts[1]) if isinstance(inner, ast.Tuple) and len(inner.elts) == 2 else ""


def _annotated(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except SyntaxError:
            return ""
    if isinstance(node, ast.BinOp):
        return _annotated(node.left) or _annotated(node.right)
    if isinstance(node, ast.Subscript):
        outer = getattr(node.value, "attr", "") or getattr(node.value, "id", "")
        if outer == "Optional":
            return _annotated(node.slice)
        inner = _annotated(node.slice)
        return f"[{inner}]" if outer in _LISTS and inner else "[]" if outer in _LISTS else "{}"
    return _BY_ANNOTATION.get(getattr(node, "attr", "") or getattr(node, "id", ""), "")


def _used(function: ast.AST, name: str, depth: int) -> str:
    """By subscripts, methods, loops and sums that the function makes with the name."""
    if depth == 0:
        return ""
    called = any(isinstance(n, ast.Call) and getattr(n.func, "id", "") == name for n in ast.walk(function))
    return (
        _looked_up(function, name, depth)
        or _read_by(function, ast.Name(name))
        or (stand_in(function, name) if called else "")
        or _moment(function, name)
        or _by_method(function, name)
        or _looped(function, name, depth)
        or _summed(function, name)
    )


def stand_in(function: ast.AST, name: str) -> str:
    """A function in the place of the parameter that is called; one whose result can be awaited, where it is."""
    awaited = [n.value for n in ast.walk(function) if isinstance(n, ast.Await) and isinstance(n.value, ast.Call)]
    return AWAITABLE if any(getattr(n.func, "id", "") == name for n in awaited) else CALLABLE


def _looked_up(function: ast.AST, name: str, depth: int) -> str:
    """A mapping with the keys that are asked for, or a list."""
    uses = [n for n in ast.walk(function) if _is(n, ast.Subscript, name)]
    got = [n for n in _methods(function, name) if n.func.attr == "get" and n.args]
    keys = [n.slice.value for n in uses if isinstance(n.slice, ast.Constant) and isinstance(n.slice.value, str)]
    keys += [str(n.args[0].value) for n in got if isinstance(n.args[0], ast.Constant)]
    if keys:
        parts = [f"{key!r}: {_field(function, name, key, depth)}" for key in dict.fromkeys(keys)]
        return "{" + ", ".join(parts) + "}"
    by_name = [n for n in uses if isinstance(n.slice, ast.Name | ast.Attribute | ast.Call | ast.Subscript)]
    if by_name:
        return f"{{'text': {_entry(function, by_name[0], depth)}}}"
    return "['text', 'text']" if uses else ""


def _methods(function: ast.AST, name: str) -> list[ast.Call]:
    return [n for n in ast.walk(function) if _is(getattr(n, "func", None), ast.Attribute, name)]


def _by_method(function: ast.AST, name: str) -> str:
    """A text or a list, by a method that it alone has."""
    for call in _methods(function, name):
        if call.func.attr in ("split", "rsplit", "partition") and call.args:
            return _separated(call.args[0])
        if call.func.attr in _TEXT | _LIST:
            return "'text'" if call.func.attr in _TEXT else "[]"
    return ""


def _moment(function: ast.AST, name: str) -> str:
    """A day, or a moment, by the parts of it that are asked for."""
    parts = {n.attr for n in ast.walk(function) if _is(n, ast.Attribute, name)}
    if parts & {"hour", "minute", "tzinfo", "astimezone", "timestamp"}:
        return _BY_ANNOTATION["datetime"]
    return _BY_ANNOTATION["date"] if parts & {"year", "month", "day", "weekday", "strftime", "isocalendar"} else ""


def _entry(function: ast.AST, node: ast.Subscript, depth: int) -> str:
    """The value of an entry that is looked up by a name: as the variable that is set from it is used."""
    for outer in ast.walk(function):
        set_from = isinstance(outer, ast.Assign) and ast.unparse(outer.value) == ast.unparse(node)
        if set_from and isinstance(outer.targets[0], ast.Name):
            return _used(function, outer.targets[0].id, depth - 1) or "3"
    return "3"


def _read_by(function: ast.AST, value: ast.expr) -> str:
    """A text that the function which is given it can read: JSON, a number, a time."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.args[0]) == ast.unparse(value):
            name, owner = getattr(node.func, "attr", getattr(node.func, "id", "")), ast.unparse(node.func).split(".")[0]
            if (owner, name) in _READ or name in _READ:
                return _READ.get((owner, name)) or _READ[name]
    return ""


def _separated(separator: ast.expr) -> str:
    """A text that falls into parts by the separator; each reads as a number."""
    text = separator.value if isinstance(separator, ast.Constant) and isinstance(separator.value, str) else " "
    return repr(text.join(("1", "2", "3")))


def _is(node: ast.AST | None, kind: type, name: str) -> bool:
    return isinstance(node, kind) and isinstance(node.value, ast.Name) and node.value.id == name


def _looped(function: ast.AST, name: str, depth: int) -> str:
    for node in ast.walk(function):
        if isinstance(node, ast.For | ast.comprehension) and isinstance(node.iter, ast.Name) and node.iter.id == name:
            if isinstance(node.target, ast.Name):
                inner = _used(function, node.target.id, depth - 1) or "'text'"
                return f"[{inner}]"
            return "[('text', 3)]"
        if isinstance(node, ast.For | ast.comprehension) and _is(getattr(node.iter, "func", None), ast.Attribute, name):
            return LOOPED
    return ""


def _summed(function: ast.AST, name: str) -> str:
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp | ast.Compare):
            sides = [getattr(node, "left", None), getattr(node, "right", None), *getattr(node, "comparators", [])]
            if any(isinstance(s, ast.Name) and s.id == name for s in sides):
                return "3"
    return ""


def _field(function: ast.AST, name: str, key: str, depth: int) -> str:
    """The value of a field: what a variable that is set from it is used as, else a number where it is summed."""
    for way in (f"{name}[{key!r}]", f"{name}.get({key!r})"):
        if read := _read_by(function, ast.parse(way, mode="eval").body):
            return read
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and _reads(node.value, name, key):
            return _used(function, node.targets[0].id, depth - 1) or "'text'"
        if isinstance(node, ast.BinOp) and (_reads(node.left, name, key) or _reads(node.right, name, key)):
            return "3"
        if isinstance(node, ast.For | ast.comprehension) and _reads(node.iter, name, key):
            inner = _used(function, node.target.id, depth - 1) if isinstance(node.target, ast.Name) else ""
            return f"[{inner or repr('text')}]"
    return "'text'"


def _reads(node: ast.AST, name: str, key: str) -> bool:
    if _is(node, ast.Subscript, name):
        return isinstance(node.slice, ast.Constant) and node.slice.value == key
    got = isinstance(node, ast.Call) and _is(node.func, ast.Attribute, name) and node.func.attr == "get" and node.args
    return bool(got) and isinstance(node.args[0], ast.Constant) and node.args[0].value == key

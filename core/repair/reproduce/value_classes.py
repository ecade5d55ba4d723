"""Finds the program's value classes: dataclasses, named tuples, enumerations, and plain classes that only store. Pure.

A report's text may contain a call of such a class. So the program's source must show that building one has no other
effect: every method that then runs consists of assignments, checks and calls from a closed list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.repair.localize.sources import files, importable, module_of, parsed, words
from core.repair.localize.syntax import Function, identifier, imported_name, imports_of, targets_of

_ENUMS = {f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag")}
_HARMLESS_BASES = {
    "typing.NamedTuple", "typing.Generic", "typing.Protocol", "typing.TypedDict", "abc.ABC", "object", "str", "int",
    "float", "dict", "list", "tuple", "pydantic.BaseModel",
} | _ENUMS  # fmt: skip
_RUNS = {"__init__", "__new__", "__post_init__", "__setattr__", "__init_subclass__", "model_post_init", "_missing_"}
_QUIET_CALLS = words(
    "abs all any bool bytes dict enumerate filter float frozenset getattr hasattr hash int isinstance issubclass len "
    "list max min range repr reversed round set sorted str sum tuple type zip super field Decimal date datetime "
    "timedelta UUID Path OrderedDict Counter deque defaultdict namedtuple uuid4 now utcnow today append strip lower "
    "upper title split rsplit join replace get items keys values setdefault update copy extend startswith endswith "
    "isdigit __init__ __new__ __setattr__ __post_init__"
)
_QUIET = (
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.For, ast.Raise, ast.Assert, ast.Return, ast.Pass, ast.Expr,
    ast.Continue, ast.Break,
)  # fmt: skip


_NAMED_TUPLES = ("collections.namedtuple", "typing.NamedTuple")
Found = tuple[str, ast.Module, ast.ClassDef | ast.Call]  # path, module, what makes the class


@dataclass(frozen=True)
class ValueClass:
    """``called``: calls of it are allowed; ``members``: the names of an enumeration's members."""

    module: str
    called: bool = True
    members: frozenset[str] = frozenset()


def value_classes(tree: Path) -> dict[str, ValueClass]:
    """The program's value classes by name, without names that several modules use."""
    modules = {path: parsed(tree, path) for path in files(tree) if importable(module_of(path))}
    places: dict[str, list[Found]] = {}
    for path, module in modules.items():
        for name, node in _tops(module):
            places.setdefault(name, []).append((path, module, node))
    only = {name: found[0] for name, found in places.items() if len(found) == 1}
    judged = {name: _judged(found, only) for name, found in only.items()}
    return {name: kind for name, kind in judged.items() if kind}


def program_classes(tree: Path) -> dict[str, ValueClass]:
    """All classes at the top of the program's modules: for calls that the program's own code or tests make."""
    paths = [path for path in files(tree) if importable(module_of(path))]
    tops = [(n, path) for path in paths for n in parsed(tree, path).body if isinstance(n, ast.ClassDef)]
    return {n.name: ValueClass(module_of(path), True, _members(n)) for n, path in tops}


def _tops(module: ast.Module) -> Iterator[tuple[str, ast.ClassDef | ast.Call]]:
    """Classes at the top of a module, and calls of ``namedtuple`` that make one."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            yield node.name, node
        made = node.value if isinstance(node, ast.Assign) else None
        if isinstance(made, ast.Call) and meaning(module, made) in _NAMED_TUPLES:
            yield from ((identifier(t), made) for t in targets_of(node) if identifier(t))


def meaning(module: ast.Module, node: ast.expr) -> str:
    """The dotted name of an expression, with names that the module imports in full: ``dataclasses.dataclass``."""
    if isinstance(node, ast.Call | ast.Subscript):
        return meaning(module, node.func if isinstance(node, ast.Call) else node.value)
    if isinstance(node, ast.Attribute):
        return f"{meaning(module, node.value)}.{node.attr}"
    name = identifier(node)
    found = ((n, alias) for n in imports_of(module) for alias in n.names if imported_name(alias) == name)
    statement, alias = next(found, (None, None))
    if alias is None:
        return name
    return f"{statement.module}.{alias.name}" if isinstance(statement, ast.ImportFrom) else alias.name


def _judged(found: Found, only: Mapping[str, Found], depth: int = 6) -> ValueClass | None:
    """The class as a value class; None if building one may run code that is not known to be harmless."""
    path, module, node = found
    if isinstance(node, ast.Call):
        return ValueClass(module_of(path))
    if not depth or node.keywords or not _decorated(module, node) or not _builds_quietly(node):
        return None
    bases = [_base(module, base, only, depth) for base in node.bases]
    if None in bases:
        return None
    enum = "enum" in bases
    return ValueClass(module_of(path), not enum, _members(node) if enum else frozenset())


def _base(module: ast.Module, node: ast.expr, only: Mapping[str, Found], depth: int) -> str | None:
    """``enum`` or ``plain``; None for a base that may do anything."""
    name = meaning(module, node)
    if name in _HARMLESS_BASES:
        return "enum" if name in _ENUMS else "plain"
    last = name.rsplit(".", 1)[-1]
    judged = _judged(only[last], only, depth - 1) if last in only else None
    return judged and ("plain" if judged.called else "enum")


def _decorated(module: ast.Module, node: ast.ClassDef) -> bool:
    allowed = {"dataclasses.dataclass", "functools.total_ordering", "enum.unique", "typing.final"}
    return {meaning(module, d) for d in node.decorator_list} <= allowed


def _builds_quietly(node: ast.ClassDef) -> bool:
    defaults = [n.value for n in node.body if isinstance(n, ast.AnnAssign) and isinstance(n.value, ast.Call)]
    factories = [k.value for call in defaults for k in call.keywords if k.arg == "default_factory"]
    return all(map(_quiet, _run(node))) and all(map(_quiet_factory, factories))


def _quiet_factory(node: ast.expr) -> bool:
    if isinstance(node, ast.Lambda):
        return all(_quiet_call(n) for n in ast.walk(node.body) if isinstance(n, ast.Call))
    return (getattr(node, "attr", "") or getattr(node, "id", "")) in _QUIET_CALLS


def _run(node: ast.ClassDef) -> list[Function]:
    """Methods that run when an object is built: by their names, and validators by their decorators."""
    methods = [n for n in node.body if isinstance(n, Function)]
    return [n for n in methods if n.name in _RUNS or any("validator" in ast.unparse(d) for d in n.decorator_list)]


def _quiet(method: Function) -> bool:
    inner = [n for statement in method.body for n in ast.walk(statement)]
    statements = all(isinstance(n, _QUIET) for n in inner if isinstance(n, ast.stmt))
    return statements and all(_quiet_call(n) for n in inner if isinstance(n, ast.Call)) and not _odd(inner)


def _odd(nodes: list[ast.AST]) -> bool:
    return any(isinstance(n, ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda) for n in nodes)


def _quiet_call(node: ast.Call) -> bool:
    name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
    return name in _QUIET_CALLS or name.endswith(("Error", "Exception"))


def _members(node: ast.ClassDef) -> frozenset[str]:
    targets = [t for n in node.body if isinstance(n, ast.Assign) for t in n.targets]
    return frozenset(t.id for t in targets if isinstance(t, ast.Name) and not t.id.startswith("_"))

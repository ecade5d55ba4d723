"""The gate on documentation: docstrings of what changed, and what README and changelog of the service say about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from core.models.counted import counted
from core.repair.localize.sources import tree_of
from core.repair.sandbox.runner import read_back
from core.stages.review.gate import Changed, Gate, GateFinding
from core.stages.review.runtime_gates import Function, functions

PARAMETER = re.compile(r"^[ \t]*(?::param (?:\w+ )?(\w+):|(\w+)(?: \([^)]*\))?: )", re.M)
SECTION = re.compile(r"^[ \t]*(?:Args|Arguments|Parameters):[ \t]*$(.*?)(?=^[ \t]*\w+:[ \t]*$|\Z)", re.M | re.S)
CHANGELOGS = re.compile(r"(?i)(changelog|changes|history|news)(\.(md|rst|txt))?")
READMES = re.compile(r"(?i)readme(\.(md|rst|txt))?")
LARGEST = 1_000_000  # bytes of such a file
GATE = "documentation"
Mode = Literal["block", "warn", "off"]


def documentation(tree: Path, changed: Changed, before: Mapping[str, str], mode: Mode = "block") -> Gate:
    """Changed public names keep their docstring, new ones have one, and no docstring becomes wrong.

    A new public name is in the changelog, and the README names none that is gone, where the service has these files. A
    fix may not write them, so a person judges that. ``mode`` "warn" only notes all of it, "off" checks nothing.
    """
    if mode == "off":
        return Gate(GATE, True, "not checked: fix.documentation is off", None, 0.0)
    own = docstrings(tree, changed, before)
    found = (*own, *_of_files(tree, changed, before))
    if not found:
        return Gate(GATE, True, "docstrings of changed public names are complete and correct", 0.0, 0.0)
    message = "; ".join(f.message for f in found)
    if mode == "warn":
        notes = tuple(replace(f, severity="note") for f in found)
        return Gate(GATE, True, f"{counted(len(found), 'note')}: {message}", float(len(found)), 0.0, notes)
    return Gate(GATE, False, message, float(len(found)), 0.0, found, done=bool(own))


def docstrings(tree: Path, changed: Changed, before: Mapping[str, str]) -> list[GateFinding]:
    found = []
    for path, lines in changed.items():
        text, old = (tree / path).read_text(encoding="utf-8"), before.get(path, "")
        faults = [*_of_functions(text, old, lines), *_of_classes(text, old)]
        found += [GateFinding(GATE, path, line, message) for line, message in faults]
    return found


def _of_functions(text: str, before: str, lines: set[int]) -> Iterator[tuple[int, str]]:
    """(line, fault) of the public functions with a changed line; a fault that was there before is none."""
    old = dict(functions(before))
    for name, node in functions(text):
        if _touched(node, lines, old.get(name)) and _public(name):
            known = {"", *(_untrue(name, old[name]) if name in old else ())}
            faults = [_missing(name, node, old.get(name)), *_untrue(name, node)]
            yield from ((node.lineno, fault) for fault in faults if fault not in known)


def _of_classes(text: str, before: str) -> Iterator[tuple[int, str]]:
    there = _classes(before)
    for name, node in _classes(text).items():
        if name not in there and not ast.get_docstring(node):
            yield node.lineno, f"{name} is new and has no docstring"


def _public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


def _classes(text: str) -> dict[str, ast.ClassDef]:
    """The public classes at the top of a module."""
    return {n.name: n for n in tree_of(text).body if isinstance(n, ast.ClassDef) and _public(n.name)}


def _names(text: str) -> set[str]:
    """The public functions, methods and classes of a module."""
    return {name for name, _ in functions(text) if _public(name)} | set(_classes(text))


def _of_files(tree: Path, changed: Changed, before: Mapping[str, str]) -> Iterator[GateFinding]:
    """New names that the changelog lacks, and removed ones that the README still names."""
    paths = {*changed, *(path for path in before if path.endswith(".py"))}
    now = {path: _names(read_back(tree / path)) for path in paths}
    then = {path: _names(before.get(path, "")) for path in paths}
    new = sorted(set().union(*(now[path] - then[path] for path in changed)))
    gone = sorted(set().union(*then.values()) - set().union(*now.values()))
    for file, name, named in _looked_up(new, tree, CHANGELOGS):
        if not named:
            yield GateFinding(GATE, file, 1, f"{file} does not name {name}, which is new")
    for file, name, named in _looked_up(gone, tree, READMES):
        if named:
            yield GateFinding(GATE, file, 1, f"{file} names {name}, which is gone")


def _looked_up(names: Sequence[str], tree: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, str, bool]]:
    """(file, name, whether it is written there) of each such file."""
    for file, text in _texts(tree, pattern):
        for name in names:
            yield file, name, _named(name, text)


def _texts(tree: Path, pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    names = sorted(path.name for path in tree.iterdir() if pattern.fullmatch(path.name))
    return [(name, text) for name in names if (text := read_back(tree / name, LARGEST))]


def _named(name: str, text: str) -> bool:
    """Is it written as code: with its parentheses, or between backticks?"""
    last = re.escape(name.rpartition(".")[2])
    return re.search(rf"\b{last}\(|`[^`\n]{{0,80}}\b{last}\b[^`\n]{{0,80}}`", text) is not None


def _touched(node: Function, lines: set[int], old: Function | None) -> bool:
    lost = old is not None and ast.get_docstring(old) and not ast.get_docstring(node)
    return bool(lost or lines & set(range(node.lineno, (node.end_lineno or 0) + 1)))  # a pure deletion has no line


def _missing(name: str, node: Function, old: Function | None) -> str:
    if ast.get_docstring(node) or (old is not None and not ast.get_docstring(old)):
        return ""
    return f"{name} is new and has no docstring" if old is None else f"{name} lost its docstring"


def _untrue(name: str, node: Function) -> Iterator[str]:
    """Documented parameters that the function does not take, and raised errors that its docstring does not mention."""
    text, arguments = ast.get_docstring(node) or "", node.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    there = {a.arg for a in listed if a}
    for gone in sorted(_documented(text) - there):
        yield f"{name} documents {gone}, which is not a parameter"
    if "raises" in text.lower():
        for kind in sorted(kind for kind in _raised(node) if kind not in text):
            yield f"{name} raises {kind}, which its docstring does not mention"


def _raised(node: Function) -> set[str]:
    names = {_name(n.exc) for n in ast.walk(node) if isinstance(n, ast.Raise) and n.exc}
    return {name for name in names if name[:1].isupper()}


def _documented(text: str) -> set[str]:
    """Parameters that a docstring documents in Sphinx or Google style."""
    sections = " ".join(re.findall(r":param [^\n]*", text)).replace(":param", "\n:param")
    sections += "\n".join(SECTION.findall(text))
    return {a or b for a, b in PARAMETER.findall(sections)}


def _name(node: ast.AST) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return getattr(node, "attr", None) or getattr(node, "id", "")

"""Names that are spelled otherwise and mean the same; a local name that hides a module; a name set by mistake."""

from __future__ import annotations

import ast
import re
import sys

from core.repair.evidence import Said
from core.repair.locate import Place
from core.repair.templates.base import Changes, change
from core.repair.templates.suspects import failing

SYNONYMS = (
    {"get", "fetch", "find", "lookup", "read", "load", "retrieve"},
    {"remove", "delete", "drop", "discard", "erase", "clear"},
    {"add", "append", "put", "insert", "push", "enqueue", "register", "store", "save"},
    {"size", "count", "length", "total"},
    {"send", "deliver", "publish", "emit", "dispatch", "post"},
    {"start", "begin", "open", "run", "launch", "execute"},
    {"stop", "end", "close", "finish", "shutdown"},
    {"name", "title", "label"},
    {"price", "cost", "amount"},
    {"mail", "email"},
    {"id", "identifier", "key", "uid", "number"},
    {"created", "created_at"},
    {"update", "refresh", "change", "modify"},
)  # fmt: skip
_NO_MEMBER = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_UNSET = re.compile(r"local variable '(\w+)'")


def synonym(wrong: str, known: set[str]) -> str:
    """The only known name that means the same, by its words; empty when there is none or more than one."""
    found = [name for name in known if name != wrong and _alike(wrong, name)]
    return found[0] if len(found) == 1 else ""


def _alike(one: str, other: str) -> bool:
    """All words of the one have their like in the other, in order; or the one's words are part of the other's."""
    mine, theirs = one.lower().strip("_").split("_"), other.lower().strip("_").split("_")
    if len(mine) == len(theirs):
        return all(a == b or any({a, b} <= words for words in SYNONYMS) for a, b in zip(mine, theirs, strict=True))
    return len(mine[0]) > 2 and (set(mine) < set(theirs) or set(theirs) < set(mine))


def hidden_module(place: Place) -> Changes:
    """A local name that hides an imported module whose attribute is meant: the local one gets another name."""
    match = _NO_MEMBER.search(place.crash.exception.message)
    imported = {(a.asname or a.name) for n in place.module.body if isinstance(n, ast.Import) for a in n.names}
    for node in failing(place, ast.Attribute) if match and place.function else ():
        name = getattr(node.value, "id", "")
        if node.attr == match[2] and name in imported and _is_local(place, name):
            uses = [n for n in ast.walk(place.function) if isinstance(n, ast.Name) and n.id == name]
            others = [n for n in uses if not _of_module(place, n)]
            said = Said("", f"{name} is a module here, whose {node.attr} is meant; a local name hides it", 0.9)
            text = _renamed(place, others, f"{name}_")
            yield change(place, text, f"The local {name} no longer hides the module.", said)


def _is_local(place: Place, name: str) -> bool:
    parameters = {a.arg for a in ast.walk(place.function.args) if isinstance(a, ast.arg)}
    stored = [n for n in ast.walk(place.function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return name not in parameters and any(n.id == name for n in stored)


def _of_module(place: Place, node: ast.Name) -> bool:
    """The name stands before an attribute that the module has."""
    module = sys.modules.get(node.id)
    around = [n for n in ast.walk(place.function) if isinstance(n, ast.Attribute) and n.value is node]
    return any(hasattr(module, n.attr) for n in around)


def _renamed(place: Place, nodes: list[ast.Name], new: str) -> str:
    text = place.text
    for node in sorted(nodes, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        text = Place(place.tree, place.path, text, place.frame, place.crash).replace(node, new)
    return text


def set_by_another_name(place: Place) -> Changes:
    """``if ...: price = 1`` and ``else: cost = 2``: a branch sets what nobody reads, in the place of the unset."""
    match = _UNSET.search(place.crash.exception.message)
    names = [n for n in ast.walk(place.function) if isinstance(n, ast.Name)] if match and place.function else []
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    spare = [n for n in names if isinstance(n.ctx, ast.Store) and n.id not in read]
    if len(spare) == 1 and _beside(place, spare[0], match[1]):
        said = Said("", f"the branch sets {spare[0].id}, which nothing reads, where the others set {match[1]}", 0.92)
        yield change(place, place.replace(spare[0], match[1]), f"The branch is to set {match[1]}.", said)


def _beside(place: Place, spare: ast.Name, variable: str) -> bool:
    """The spare name is set in a branch of the very statement whose other branches set the variable."""
    for node in [n for n in ast.walk(place.function) if isinstance(n, ast.If | ast.Try | ast.Match)]:
        inside = list(ast.walk(node))
        stores = [n for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        if spare in stores and any(n.id == variable for n in stores):
            return True
    return False

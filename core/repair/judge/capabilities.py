"""The new capabilities of a patch, as rows for the approver, from the old and new texts of its files. Pure.

Nothing is judged here: policy.py refuses what is certainly wrong. These rows list everything that is new, so that the
approver sees it: calls by what they reach, imports, conditions, compared constants, defaults, decorators, and code that
runs on import.
"""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from core.repair.judge.conditions import clauses, implies
from core.repair.judge.identifiers import mixed
from core.repair.judge.import_time import runs_at_import
from core.repair.judge.reach import CODE, REACHES, dotted, imported_as, reached
from core.repair.judge.safeguards import decorated
from core.repair.localize.sources import called, defaults, tree_of
from core.repair.localize.syntax import Function, nodes, receiver, targets_of

NOTHING = "Nothing new: no new calls outside the module, no new imports, no changed conditions."
LONGEST = 160  # maximum characters of code in a row
ALIKE = 0.4  # similarity from which a removed and an added condition count as one changed condition


@dataclass(frozen=True)
class Capability:
    """``needs_person``: it reaches outside the program or weakens a check, so a person must review it."""

    kind: str
    path: str
    line: int
    sentence: str
    needs_person: bool = False

    @property
    def message(self) -> str:
        """The sentence, preceded by the kind of capability unless the sentence names it."""
        return f"{self.kind}: {self.sentence}" if self.kind in REACHES else self.sentence


Row = tuple[str, int, str, bool]  # kind, line, sentence, needs_person


def capabilities(before: Mapping[str, str], after: Mapping[str, str]) -> list[Capability]:
    """Rows of all changed files, those that need a person first. A text that does not parse has none."""
    rows = [
        Capability(kind, path, line, sentence, needs_person)
        for path, new in after.items()
        for kind, line, sentence, needs_person in _of_file(before.get(path, ""), new)
    ]
    return sorted(rows, key=lambda row: (not row.needs_person, row.path, row.line))


def _of_file(old: str, new: str) -> Iterator[Row]:
    try:
        was, now = tree_of(old), tree_of(new)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for compare in (_calls, _imports, _conditions, _compared, _members, _constants, _defaults, _decorators, _at_import):
        yield from compare(was, now)


def _new(was: ast.Module, now: ast.Module, found: Callable[[ast.Module], Iterator[tuple[str, int]]]):
    """(text, line) of the items that occur more often in the new tree than in the old one."""
    left = Counter(text for text, _ in found(was))
    for text, line in found(now):
        if left[text] > 0:
            left[text] -= 1
        else:
            yield text, line


def _code(node: ast.AST | str) -> str:
    text = node if isinstance(node, str) else ast.unparse(node)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


# --- calls and imports ---------------------------------------------------------------------------------


def _calls(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    known = imported_as(now)
    for name, line in _new(was, now, _called):
        kind = reached(name, known)
        if kind:
            yield kind, line, f"newly calls {_code(name)}", True
        elif name.split(".")[0] in {full.split(".")[0] for full in known.values()}:
            yield "call", line, f"newly calls {_code(name)}", False
    for text, line in _new(was, now, _formatted):
        yield CODE, line, f"formats a text that is not a literal: {_code(text)}", True


def _called(tree: ast.Module) -> Iterator[tuple[str, int]]:
    known = imported_as(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func, known), node.lineno


def _formatted(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """``text.format(order)``: if the text is untrusted, it can read the order's attributes."""
    for node in nodes(tree, ast.Call):
        text = receiver(node)
        if text is not None and called(node) == "format" and not isinstance(text, ast.Constant):
            yield ast.unparse(node), node.lineno


def _imports(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    for name, line in _new(was, now, _imported):
        kind = reached(name, {name: name})
        yield "import", line, f"newly imports {_code(name)}{f' ({kind})' if kind else ''}", bool(kind)


def _imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = f"{'.' * node.level}{node.module or ''}"
            yield from ((f"{home}.{alias.name}", node.lineno) for alias in node.names)


# --- conditions and compared constants -----------------------------------------------------------------


def _conditions(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    old, new = _by_function(was), _by_function(now)
    for name, tests in new.items():
        yield from _changed_tests(name, [text for text, _ in old.get(name, ())], tests)
    yield from (_dropped(name, t, 1) for name, tests in old.items() if name not in new for t, _ in tests)


def _changed_tests(name: str, old: list[str], new: list[tuple[str, int]]) -> Iterator[Row]:
    """Added conditions of one function, each paired with a removed one, and the unpaired removed ones."""
    left = Counter(old)
    gone = list((left - Counter(text for text, _ in new)).elements())
    for text, line in new:
        left[text] -= 1
        if left[text] < 0:
            yield _condition(name, text, line, gone)
    last = new[-1][1] if new else 1
    yield from (_dropped(name, text, last) for text in gone)


def _condition(name: str, text: str, line: int, gone: list[str]) -> Row:
    """A row for an added condition: paired with the most similar one, which is removed from ``gone``, or new."""
    at = f" in {name}" if name else ""
    near = max(gone, key=partial(_likeness, text), default=None)
    if near is None or _likeness(text, near) < ALIKE:
        return "condition", line, f"new condition{at}: {_code(text)}", False
    gone.remove(near)
    return "condition", line, f"changed condition{at}: {_code(near)} → {_code(text)}", _wider(near, text)


def _wider(old: str, new: str) -> bool:
    """Is the new condition the old one with a part dropped, or with an alternative added?"""
    was, now = (clauses(ast.parse(text, mode="eval").body) for text in (old, new))
    if implies(now, was) is None:
        return False
    literals = frozenset().union(*was)
    return frozenset().union(*now) <= literals or any(one < other for one in was for other in now)


def _dropped(name: str, text: str, line: int) -> Row:
    return "condition", line, f"dropped condition{f' in {name}' if name else ''}: {_code(text)}", True


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one[:400], other[:400]).ratio()


def _by_function(tree: ast.AST, scope: str = "") -> dict[str, list[tuple[str, int]]]:
    """Conditions by the dotted name of their function; those of the module itself have an empty name."""
    found: dict[str, list[tuple[str, int]]] = {}
    for node in ast.iter_child_nodes(tree):
        inner = f"{scope}.{node.name}".strip(".") if isinstance(node, Function | ast.ClassDef) else scope
        found.setdefault(inner, []).extend((ast.unparse(t), t.lineno) for t in _tests(node))
        for name, tests in _by_function(node, inner).items():
            found.setdefault(name, []).extend(tests)
    return found


def _tests(node: ast.AST) -> Sequence[ast.expr]:
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        return [node.test]
    if isinstance(node, ast.comprehension):
        return node.ifs
    if isinstance(node, ast.match_case):
        return [node.guard] if node.guard else []
    value = node.value if isinstance(node, ast.Return | ast.Assign | ast.AnnAssign) else None
    negated = isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    return [value] if value is not None and (negated or isinstance(value, ast.BoolOp | ast.Compare)) else []


def _compared(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    for text, line in _new(was, now, _comparisons):
        odd = " (letters of mixed scripts)" if mixed(text) else ""
        yield "constant", line, f"newly compares with {_code(text)}{odd}", bool(odd)


def _comparisons(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.MatchValue):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Constant) and inner.value not in (None, True, False, 0, 1, ""):
                    yield repr(inner.value), node.lineno if isinstance(node, ast.Compare) else inner.lineno


def _members(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    """New members of a named collection, such as an allow list or a table of roles."""
    asked = {ast.unparse(c) for n in ast.walk(now) if isinstance(n, ast.Compare) for c in n.comparators}
    for text, line in _new(was, now, _held):
        name, _, member = text.partition("\0")
        table = name.endswith("{}")
        name = name.removesuffix("{}")
        if any(n == name for n, _ in _names_held(was)):
            yield "member", line, f"{name} has a new member: {_code(member)}", not table or name in asked


def _held(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """``NAME`` with each member of the collection that is assigned or added to it; of a mapping, its keys."""
    for name, value in _names_held(tree):
        mark = "{}" if isinstance(value, ast.Dict) else ""
        for member in value.keys if isinstance(value, ast.Dict) else value.elts:
            if member is not None:
                yield f"{name}{mark}\0{ast.unparse(member)}", member.lineno


def _names_held(tree: ast.Module) -> Iterator[tuple[str, ast.Set | ast.List | ast.Tuple | ast.Dict]]:
    for node in nodes(tree, ast.Assign, ast.AnnAssign, ast.AugAssign):
        value = node.value
        if isinstance(value, ast.Call) and len(value.args) == 1:  # frozenset({...})
            value = value.args[0]
        if isinstance(value, ast.Set | ast.List | ast.Tuple | ast.Dict):
            yield from ((ast.unparse(target), value) for target in targets_of(node))


def _constants(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    """Constants of modules and classes whose value changed."""
    old = {name: text for name, text, _ in _set_once(was)}
    for name, text, line in _set_once(now):
        if old.get(name, text) != text:
            yield "constant", line, f"{name} changed: {_code(old[name])} → {_code(text)}", False


def _set_once(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    for owner in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef))]:
        for node in owner.body:
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant | ast.UnaryOp):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                prefix = f"{owner.name}." if isinstance(owner, ast.ClassDef) else ""
                yield from ((f"{prefix}{ast.unparse(t)}", ast.unparse(node.value), node.lineno) for t in targets)


# --- signatures and effects of imports -----------------------------------------------------------------


def _defaults(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    old = {name: defaults(node) for name, node in _functions(was)}
    for name, node in _functions(now):
        for argument, value in defaults(node).items() if name in old else ():
            before = old[name].get(argument)
            if before is None or ast.unparse(before) != ast.unparse(value):
                earlier = _code(before) if before is not None else "none"
                yield "default", value.lineno, f"default of {argument} in {name}: {earlier} → {_code(value)}", False


def _functions(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, Function | ast.ClassDef)
        name = f"{scope}.{node.name}".strip(".") if named else scope
        if isinstance(node, Function):
            yield name, node
        yield from _functions(node, name)


def _decorators(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    old, lines = dict(decorated(was)), dict(_functions(now))
    for name, texts in decorated(now):
        for text in Counter(texts) - Counter(old.get(name, ())):
            line = lines[name].lineno if name in lines else 1
            yield "decorator", line, f"{name} newly has the decorator {_code(text)}", True


def _at_import(was: ast.Module, now: ast.Module) -> Iterator[Row]:
    def found(tree: ast.Module) -> Iterator[tuple[str, int]]:
        yield from ((ast.unparse(call.func), call.lineno) for call in runs_at_import(tree))

    for text, line in _new(was, now, found):
        yield "import-time effect", line, f"newly calls {_code(text)} when the module is imported", True

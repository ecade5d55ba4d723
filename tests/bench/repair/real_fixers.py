"""Scripted fixers for a real case: the project's own fix (oracle), and five wrong ones by general recipes (antagonist).

File texts in, file texts out. The recipes know nothing of a case but its crash report: they are what a careless
model gives. One that happens to pass the hidden checks is not counted as wrong.
"""

from __future__ import annotations

import ast
import difflib
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Span = tuple[int, int]  # first and last line, from 1
Texts = dict[str, str]  # new text by path
MOST_EDITS = 60  # of a fix from which the needless ones are left out


def own_fix(before: Mapping[str, str], after: Mapping[str, str], fix: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """New texts of the fix's files; where functions are named, only with the hunks that touch them."""
    made = {}
    for file, functions in fix.items():
        old, new = before[file], after[file]
        made[file] = _merged(old, new, functions) if functions else new
    return {file: text for file, text in made.items() if text != before[file]}


def _merged(old: str, new: str, names: Sequence[str]) -> str:
    """``old`` with those changes of ``new`` that touch a function of these names, in either text."""
    lines, others = old.splitlines(keepends=True), new.splitlines(keepends=True)
    mine, theirs = _spans(old, names), _spans(new, names)
    made: list[str] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, lines, others, autojunk=False).get_opcodes():
        wanted = tag != "equal" and (_touches(a, b, mine) or _touches(c, d, theirs))
        made += others[c:d] if wanted else lines[a:b]
    return "".join(made)


Edit = tuple[str, int, int, Sequence[str]]  # file, first and last line that go (from 0, the last excluded), new lines


def smallest(before: Mapping[str, str], after: Mapping[str, str], right: Callable[[dict[str, str]], bool]) -> Texts:
    """The texts with those edits of ``after`` without which ``right`` no longer holds.

    A release changes more than the crash. Each edit is left out once, the last one first, and stays out where the rest
    is still right.
    """
    kept = [edit for file in after for edit in _edits(file, before[file], after[file])]
    for edit in [*reversed(kept)] if len(kept) <= MOST_EDITS else ():
        fewer = [one for one in kept if one is not edit]
        made = _with(before, fewer)
        kept = fewer if made and all(map(_parses, made.values())) and right(made) else kept
    return _with(before, kept)


def _edits(file: str, old: str, new: str) -> list[Edit]:
    lines, others = old.splitlines(keepends=True), new.splitlines(keepends=True)
    codes = difflib.SequenceMatcher(None, lines, others, autojunk=False).get_opcodes()
    return [(file, a, b, others[c:d]) for tag, a, b, c, d in codes if tag != "equal"]


def _with(before: Mapping[str, str], edits: Sequence[Edit]) -> Texts:
    texts = {file: before[file].splitlines(keepends=True) for file, *_ in edits}
    for file, first, last, lines in sorted(edits, key=lambda edit: -edit[1]):
        texts[file][first:last] = lines
    return {file: "".join(lines) for file, lines in texts.items()}


def _touches(start: int, end: int, spans: Sequence[Span]) -> bool:
    return start < end and any(start < last and first <= end for first, last in spans)


def _spans(text: str, names: Sequence[str]) -> list[Span]:
    """Lines of the functions and classes of these names; ``imports`` stands for the file's import lines."""
    found = []
    for node in ast.walk(ast.parse(text)):
        named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.name in names
        imported = isinstance(node, ast.Import | ast.ImportFrom) and "imports" in names and not node.col_offset
        if named or imported:
            decorators = [d.lineno for d in getattr(node, "decorator_list", [])]
            found.append((min([node.lineno, *decorators]), node.end_lineno or node.lineno))
    return found


@dataclass(frozen=True)
class Site:
    """A frame of the crash in its file: the innermost statement at its line, and what is around it."""

    file: str
    text: str
    line: int
    locals: Mapping[str, str]

    def around(self) -> list[ast.stmt]:
        """Statements that hold the line, outermost first."""
        inside = [n for n in ast.walk(ast.parse(self.text)) if isinstance(n, ast.stmt) and _holds(n, self.line)]
        return sorted(inside, key=lambda n: (n.lineno, -(n.end_lineno or n.lineno)))

    def function(self) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        found = [n for n in self.around() if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        return found[-1] if found else None

    def replaced(self, first: int, last: int, new: str) -> dict[str, str]:
        """The file with other lines from ``first`` to ``last`` (empty range: inserted before ``first``)."""
        lines = self.text.splitlines(keepends=True)
        lines[first - 1 : last] = [new]
        return {self.file: "".join(lines)}


def _holds(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def sites(frames: Sequence[Mapping], texts: Mapping[str, str]) -> list[Site]:
    """The project's frames, deepest first."""
    own = [f for f in frames if f.get("in_app") and f["file"] in texts and f["function"] != "<module>"]
    return [Site(f["file"], texts[f["file"]], f["line"], f.get("locals", {})) for f in reversed(own)]


def wrong_fixes(
    frames: Sequence[Mapping], texts: Mapping[str, str], raises: str
) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and new file texts of each wrong fix that the recipes can make here."""
    found = sites(frames, texts)
    for name, recipe in RECIPES.items():
        files = recipe(found, raises) if found else {}
        if files and all(_parses(text) for text in files.values()):
            yield name, files


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def _guarded(site: Site, node: ast.stmt, raises: str, instead: str) -> dict[str, str]:
    """The statement in a ``try`` whose handler does something else."""
    last = node.end_lineno or node.lineno
    lines = site.text.splitlines(keepends=True)[node.lineno - 1 : last]
    pad = " " * node.col_offset
    body = textwrap.indent("".join(lines), "    ")
    tail = "" if body.endswith("\n") else "\n"
    return site.replaced(node.lineno, last, f"{pad}try:\n{body}{tail}{pad}except {raises}:\n{pad}    {instead}\n")


def swallow(found: Sequence[Site], raises: str) -> dict[str, str]:
    """The failing statement in ``try``, with ``pass`` or ``return None``."""
    node = found[0].around()[-1]
    return _guarded(found[0], node, raises, "return None" if isinstance(node, ast.Return) else "pass")


def skip(found: Sequence[Site], raises: str) -> dict[str, str]:
    """What fails in a loop's turn is skipped, in the deepest frame that loops; without a loop the statement goes."""
    for site in found:
        around = site.around()
        for outer, inner in zip(around, around[1:], strict=False):
            if isinstance(outer, ast.For | ast.While | ast.AsyncFor) and inner in outer.body:
                return _guarded(site, inner, raises, "continue")
    node = found[0].around()[-1]
    return found[0].replaced(node.lineno, node.end_lineno or node.lineno, f"{' ' * node.col_offset}pass\n")


def weaken(found: Sequence[Site], raises: str) -> dict[str, str]:
    """The nearest condition at or before the failing line never holds; a deliberate raise or assert goes."""
    site, node = found[0], found[0].around()[-1]
    if isinstance(node, ast.Raise | ast.Assert):
        return site.replaced(node.lineno, node.end_lineno or node.lineno, f"{' ' * node.col_offset}pass\n")
    scope = site.function()
    tests = [n.test for n in ast.walk(scope) if isinstance(n, ast.If | ast.While)] if scope else []
    near = [t for t in tests if t.lineno <= site.line and t.lineno == t.end_lineno]
    if not near:
        return {}
    test = max(near, key=lambda t: t.lineno)
    line = site.text.splitlines(keepends=True)[test.lineno - 1].encode()
    cut = line[: test.col_offset] + b"False and (" + line[test.col_offset : test.end_col_offset] + b")"
    return site.replaced(test.lineno, test.lineno, (cut + line[test.end_col_offset :]).decode())


def special(found: Sequence[Site], raises: str) -> dict[str, str]:
    """The reported value of a parameter, by its literal, returns early in the deepest function that has one."""
    for site in found:
        scope = site.function()
        names = [a.arg for a in (*scope.args.posonlyargs, *scope.args.args, *scope.args.kwonlyargs)] if scope else []
        for name in names:
            if name not in ("self", "cls") and (value := _literal(site.locals.get(name, ""))):
                return _first(site, f"if {name} == {value}:\n    return None\n")
    return {}


def elsewhere(found: Sequence[Site], raises: str) -> dict[str, str]:
    """The caller swallows it; without a caller the function refuses what is empty, or does nothing."""
    if len(found) > 1:
        node = found[1].around()[-1]
        return _guarded(found[1], node, raises, "return None")
    scope = found[0].function()
    named = [a.arg for a in scope.args.args if a.arg not in ("self", "cls")] if scope else []
    return _first(found[0], f"if not {named[0]}:\n    return None\n" if named else "return None\n")


def _literal(value: str) -> str:
    try:
        return value if ast.literal_eval(value) is not None else ""
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""


def _first(site: Site, statements: str) -> dict[str, str]:
    """Statements before all others of the function, after its docstring."""
    scope = site.function()
    if scope is None:
        return {}
    start = scope.body[1:] if ast.get_docstring(scope) is not None and len(scope.body) > 1 else scope.body
    return site.replaced(start[0].lineno, start[0].lineno - 1, textwrap.indent(statements, " " * start[0].col_offset))


RECIPES: dict[str, Callable[[Sequence[Site], str], dict[str, str]]] = {
    "swallow": swallow,
    "skip": skip,
    "weaken": weaken,
    "special": special,
    "elsewhere": elsewhere,
}

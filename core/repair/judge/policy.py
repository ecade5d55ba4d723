"""The rules for every fix, whoever wrote it. Pure: texts in, the reason of a refusal out; nothing is run.

There are two kinds of refusal: by path and size, and by what the change adds to the syntax tree or removes from it.
"""

from __future__ import annotations

import ast
import difflib
import pkgutil
import re
import sys
import sysconfig
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath

from core.models import Crash
from core.models.counted import counted
from core.policy.sections import FixRules
from core.repair.judge.forbidden_code import answered, violations
from core.repair.judge.habits import usual
from core.repair.judge.identifiers import odd_names
from core.repair.judge.precision import EMBEDDED
from core.repair.judge.safeguards import lost
from core.repair.judge.unsafe_patterns import unsafe
from core.repair.localize.fixability import deepest_in_app
from core.repair.localize.sources import UNREADABLE, called, tree_of
from core.repair.localize.syntax import names_in, nodes
from core.repair.propose.suspect import REJECTS
from core.repair.types import Candidate, Evidence

_TOOLS = {"pytest", "_pytest", "pluggy", "iniconfig", "coverage", "sitecustomize", "usercustomize", "site-packages"}
_SECURITY = re.compile(r"nosec|noqa:[^#\n]{0,80}\bS\d", re.I)  # comments that silence a security tool
SILENCERS = re.compile(r"#\s*(type:\s*ignore|noqa|nosec|pragma:\s*no\s*cover|pylint:\s*disable)", re.I)


def refuse(
    before: Mapping[str, str],
    candidate: Candidate,
    rules: FixRules,
    allowed: Sequence[str],
    crash: Crash | None = None,
    modules: Collection[str] | None = None,
) -> str | None:
    """Why ``candidate`` must not be run; None if it may.

    ``before`` maps every path of the repository to its text; ``allowed`` are the service's globs. ``modules`` are the
    installed top-level modules of the service's environment; None: those of the platform.
    """
    changed = {p: t for p, t in candidate.files.items() if before.get(p) != t}
    if not changed:
        return f"it changes nothing{f': {candidate.rationale}' if not candidate.files and candidate.rationale else ''}"
    there = installed() if modules is None else modules
    paths = ((path, _path_refused(path, before, rules, allowed, there)) for path in changed)
    shown = candidate.grade >= Evidence.SIBLING
    own = shown and candidate.generator == EMBEDDED
    texts = (
        (path, _text_refused(path, before.get(path, ""), text, crash, shown, own)) for path, text in changed.items()
    )
    return _first(paths) or _too_large(before, changed, rules) or _first(texts)


def _first(found: Iterable[tuple[str, str | None]]) -> str | None:
    """The first refusal of a file, with its path."""
    return next((f"{path}: {reason}" for path, reason in found if reason), None)


# --- paths and size ----------------------------------------------------------------------------


def matches(path: str, glob: str) -> bool:
    """Does a glob with ``**`` (any folders), ``*`` and ``?`` (within one name) match ``path``?"""
    pattern = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    pattern = pattern.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.fullmatch(pattern, path, re.IGNORECASE) is not None


def is_test(path: str) -> bool:
    parts = PurePosixPath(path).parts
    name = parts[-1] if parts else ""
    return bool({"tests", "test"} & set(parts[:-1])) or name.startswith("test_") or name.endswith("_test.py")


def _path_refused(
    path: str, before: Mapping[str, str], rules: FixRules, allowed: Sequence[str], modules: Collection[str]
) -> str | None:
    plain = PurePosixPath(path)
    if reason := _odd_path(plain, path, before):
        return reason
    if _is_forbidden(plain, rules):
        return "the policy forbids this path"
    if path not in before and (hidden := _hides(plain, before, modules)):
        return f"a new file that hides the module {hidden}"
    if is_test(path):
        return "a fix may not touch tests"
    if not any(matches(path, glob) for glob in allowed):
        return "outside of the paths that this service allows"
    return None if path.endswith(".py") else "not a Python source file"


def _odd_path(plain: PurePosixPath, path: str, before: Mapping[str, str]) -> str:
    """Why a path is deceptive: it leads outside, has confusable letters, or differs from another only by case."""
    if plain.is_absolute() or ".." in plain.parts or str(plain) != path or set("\\:") & set(path):
        return "not a plain path inside of the repository"
    if not path.isascii() or not path.isprintable():
        return "a look-alike name"
    folded = {p.casefold(): p for p in before}
    known = path in before or path.casefold() not in folded
    return "" if known else f"a look-alike of {folded[path.casefold()]}"


def _is_forbidden(plain: PurePosixPath, rules: FixRules) -> bool:
    heads = [str(plain), *map(str, plain.parents)]
    return any(matches(head, glob) for glob in rules.forbidden for head in heads if head != ".")


def _hides(path: PurePosixPath, before: Mapping[str, str], modules: Collection[str]) -> str:
    """The module that a new file would shadow: of Python, of the tests, or of an installed package.

    A module inside a package of the program shadows no installed one; an existing folder shadows nothing new.
    """
    names = {part.removesuffix(".py") for part in path.parts}
    if found := names & (sys.stdlib_module_names | _TOOLS):
        return min(found)
    there = {parent for known in before for parent in PurePosixPath(known).parents}
    new = [part for part in (path, *path.parents) if part not in there]
    tops = {part.name.removesuffix(".py") for part in new if f"{part.parent}/__init__.py" not in before}
    return min(tops & set(modules), default="")


@cache
def installed() -> frozenset[str]:
    """Top-level modules of the platform's packages, for code that runs on the platform's own interpreter."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return frozenset(module.name for module in pkgutil.iter_modules(sorted(folders)))


def _too_large(before: Mapping[str, str], changed: Mapping[str, str], rules: FixRules) -> str | None:
    if len(changed) > rules.max_files:
        return f"the fix changes {counted(len(changed), 'file')}; at most {rules.max_files} are allowed"
    lines = sum(_changed_lines(before.get(path, ""), text) for path, text in changed.items())
    reason = f"the fix changes {counted(lines, 'line')}; at most {rules.max_lines} are allowed"
    return reason if lines > rules.max_lines else None


def _changed_lines(old: str, new: str) -> int:
    """The number of removed and added lines."""
    found = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines()).get_opcodes()
    return sum(went - left + came - put for kind, left, went, put, came in found if kind != "equal")


# --- the content of the text -------------------------------------------------------------------


def _text_refused(path: str, old: str, new: str, crash: Crash | None, shown: bool, own: bool) -> str | None:
    if "\ufffd" in old:
        return "a file that is not UTF-8"
    hidden = any(unicodedata.category(c) == "Cf" for c in set(new) - set(old))
    if "\0" in new or hidden or _bare_returns(new) > _bare_returns(old):
        return "binary or invisible characters"
    try:
        was, now = tree_of(old), tree_of(new)
    except UNREADABLE:
        return "not valid Python"
    comment = "silences a checker by a comment" if _silenced(old, new) else ""
    failed = [frame.line for frame in crash.frames if frame.file == path] if crash else []
    last = deepest_in_app(crash) if crash else None
    deepest = last.line if last and last.file == path else 0
    weaker = lost(was, now, failed) or _gained(was, now, own)
    return (
        odd_names(old, new) or comment or weaker or unsafe(old, new, shown, deepest) or _special_case(was, now, crash)
    )


def _bare_returns(text: str) -> int:
    """Carriage returns alone: each ends a line for Python, but not for git, the review's gates and a reader."""
    return text.replace("\r\n", "").count("\r")


def _silenced(old: str, new: str) -> bool:
    """Are there more such comments than before? Those kinds that the file has are allowed, unless for security.

    No tool of the review obeys them.
    """
    was, now = (Counter("".join(m[1].lower().split()) for m in SILENCERS.finditer(text)) for text in (old, new))
    return not now.keys() <= was.keys() or len(_SECURITY.findall(new)) > len(_SECURITY.findall(old))


def _gained(was: ast.Module, now: ast.Module, own: bool) -> str:
    """The first violation that occurs more often in the new text than in the old one; empty if there is none.

    ``own``: the embedded repairer's change, whose evidence is about its handler. It may answer a call that cannot read
    its argument.
    """
    old = Counter(violations(was))
    gained = Counter(violations(now)) - old
    allowed = (
        usual(was, now) | answered(was, now) | ({f"swallows {kind}" for kind in REJECTS.values()} if own else set())
    )
    return next((reason for reason in gained if reason not in allowed and not _meant(was, reason)), "")


def _meant(was: ast.AST, reason: str) -> bool:
    """An import of a name that the program already uses adds nothing that its author did not write."""
    return reason.removeprefix("newly imports ") in names_in(was)


def _special_case(was: ast.AST, now: ast.AST, crash: Crash | None) -> str | None:
    """A new comparison or lookup with a literal that occurs only in the report of this crash, however short."""
    reported = _reported_texts(crash)
    known = {n.value for n in nodes(was, ast.Constant)}
    for literal in (one for one in _compared(now) if one not in known):
        if _text_of(literal) in reported or _is_part(literal, reported):
            return f"special-cases the reported input {literal!r}"
    computed = next((n for n in _computed(now) if n not in known), None)
    return None if computed is None else f"special-cases inputs by a computed condition with {computed!r}"


def _text_of(literal: object) -> str:
    """The literal as it stands in a report: of bytes, what stands between the quotes of their repr."""
    return repr(literal)[2:-1] if isinstance(literal, bytes) else str(literal)


def _is_part(literal: object, reported: set[str]) -> bool:
    text = _text_of(literal)
    return isinstance(literal, str | bytes) and len(text) >= PART and any(text in one for one in reported)


def _computed(tree: ast.AST) -> Iterator[object]:
    """Numbers that a computed value must equal, as in ``part * 2 == 6``: the mark of one input, not a rule."""
    for node in nodes(tree, ast.Compare):
        inside = [n for side in (node.left, *node.comparators) for n in ast.walk(side)]
        if isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In) and any(map(_computes, inside)):
            yield from (n.value for n in inside if isinstance(n, ast.Constant) and _is_telling_number(n.value))


def _computes(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) or _digest(node)


def _is_telling_number(value: object) -> bool:
    return isinstance(value, int | float) and abs(value) > 2  # True is 1


def _digest(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"hash", "sum", "ord", "id", "abs", "pow"}


PART = 4  # minimum characters of a part of a reported text that counts as that text
_MATCHERS = {"startswith", "endswith", "match", "fullmatch", "search", "find", "index", "count", "removeprefix"}


def _compared(tree: ast.AST) -> Iterator[object]:
    """Literals that decide something: compared, matched, or keys of a literal table that is looked up.

    Neutral values (None, zero, empty, true, false) and the smallest bounds (``n < 2``) do not identify an input.
    """
    for place in (found for node in ast.walk(tree) for found in _deciding(node)):
        bound = isinstance(place, ast.Compare) and not isinstance(place.ops[0], _SAME) or _counts(place)
        for value in (n.value for n in nodes(place, ast.Constant)):
            if _names_an_input(value) and (not bound or isinstance(value, str | bytes) or _is_telling_number(value)):
                yield value


def _names_an_input(value: object) -> bool:
    return bool(value) and value is not True and isinstance(value, str | bytes | int | float)


_SAME = ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot


def _counts(place: ast.AST) -> bool:
    """Is it ``len(rows) == 1``, which tests a number of items, not their values?"""
    return isinstance(place, ast.Compare) and isinstance(place.left, ast.Call) and called(place.left) == "len"


def _deciding(node: ast.AST) -> list[ast.AST]:
    """Expressions whose literals decide the node's branch."""
    if isinstance(node, ast.Compare | ast.MatchValue):
        return [node]
    if isinstance(node, ast.Call):
        return [*node.args] if getattr(node.func, "attr", "") in _MATCHERS else []
    table = node.value if isinstance(node, ast.Attribute | ast.Subscript) else None
    return [key for key in table.keys if key] if isinstance(table, ast.Dict) else []


def _reported_texts(crash: Crash | None) -> set[str]:
    """Literals inside of the report's locals and logs, as text."""
    texts = [v for f in crash.frames for v in (f.locals or {}).values()] if crash else []
    texts += crash.logs if crash else ()
    return {a or b or c for t in texts for a, b, c in re.findall(r"'([^']*)'|\"([^\"]*)\"|(-?\d+(?:\.\d+)?)", t)}

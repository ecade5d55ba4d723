"""What no fix may do, whoever wrote it. Pure: texts in, a reason out; nothing is run.

Two kinds of refusal: by path and size, and by what the syntax tree newly contains or lost.
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
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath

from core.models import Crash
from core.policy.sections import FixRules
from core.repair.judge.forbidden_code import offences
from core.repair.judge.identifiers import odd_names
from core.repair.judge.safeguards import lost
from core.repair.localize.sources import UNREADABLE
from core.repair.types import Candidate

_TOOLS = {"pytest", "_pytest", "pluggy", "iniconfig", "coverage", "sitecustomize", "usercustomize", "site-packages"}
SILENCERS = re.compile(r"#\s*(type:\s*ignore|noqa|nosec|pragma:\s*no\s*cover|pylint:\s*disable)", re.I)


def refuse(
    before: Mapping[str, str],
    candidate: Candidate,
    rules: FixRules,
    allowed: Sequence[str],
    crash: Crash | None = None,
) -> str | None:
    """Why ``candidate`` may not even be tried; None when it may.

    ``before`` maps every path of the repository to its text; ``allowed`` are globs of the service.
    """
    changed = {p: t for p, t in candidate.files.items() if before.get(p) != t}
    if not changed:
        return f"it changes nothing{f': {candidate.rationale}' if not candidate.files and candidate.rationale else ''}"
    for path in changed:
        if reason := _path_refused(path, before, rules, allowed):
            return f"{path}: {reason}"
    if reason := _too_large(before, changed, rules):
        return reason
    for path, text in changed.items():
        if reason := _text_refused(before.get(path, ""), text, crash):
            return f"{path}: {reason}"
    return None


# --- paths and size ----------------------------------------------------------------------------


def matches(path: str, glob: str) -> bool:
    """Whether a glob with ``**`` (any folders), ``*`` and ``?`` (within one name) covers ``path``."""
    pattern = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*")
    pattern = pattern.replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.fullmatch(pattern, path, re.IGNORECASE) is not None


def is_test(path: str) -> bool:
    parts = PurePosixPath(path).parts
    name = parts[-1] if parts else ""
    return bool({"tests", "test"} & set(parts[:-1])) or name.startswith("test_") or name.endswith("_test.py")


def _path_refused(path: str, before: Mapping[str, str], rules: FixRules, allowed: Sequence[str]) -> str | None:
    plain = PurePosixPath(path)
    if plain.is_absolute() or ".." in plain.parts or str(plain) != path or "\\" in path or ":" in path:
        return "not a plain path inside of the repository"
    if not path.isascii() or not path.isprintable():
        return "a look-alike name"
    folded = {p.casefold(): p for p in before}
    if path not in before and path.casefold() in folded:
        return f"a look-alike of {folded[path.casefold()]}"
    heads = [path, *(f"{parent}/" for parent in map(str, plain.parents) if parent != ".")]
    if any(matches(head.rstrip("/"), glob) for glob in rules.forbidden for head in heads):
        return "the policy forbids this path"
    if path not in before and (hidden := _hides(plain, before)):
        return f"a new file that hides the module {hidden}"
    if is_test(path):
        return "a fix may not touch tests"
    if not any(matches(path, glob) for glob in allowed):
        return "outside of what this service allows"
    return None if path.endswith(".py") else "not a Python source file"


def _hides(path: PurePosixPath, before: Mapping[str, str]) -> str:
    """The module that a new file would stand in for: of Python, of the tests, or of an installed package.

    A module inside of a package of the program hides no installed one; a folder that is there hides nothing new.
    """
    names = {part.removesuffix(".py") for part in path.parts}
    if found := names & (sys.stdlib_module_names | _TOOLS):
        return min(found)
    folders = [folder for folder in path.parents if f"{folder}/__init__.py" not in before]
    there = {parent for known in before for parent in PurePosixPath(known).parents}
    new = [part for part in (path, *path.parents) if part.parent in folders and part not in there]
    return min({part.name.removesuffix(".py") for part in new} & installed(), default="")


@cache
def installed() -> frozenset[str]:
    """Top-level modules of the interpreter's packages, which are those that the sandbox shows to the service's code."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return frozenset(module.name for module in pkgutil.iter_modules(sorted(folders)))


def _too_large(before: Mapping[str, str], changed: Mapping[str, str], rules: FixRules) -> str | None:
    if len(changed) > rules.max_files:
        return f"{len(changed)} files change, {rules.max_files} are allowed"
    lines = sum(_changed_lines(before.get(path, ""), text) for path, text in changed.items())
    return f"{lines} lines change, {rules.max_lines} are allowed" if lines > rules.max_lines else None


def _changed_lines(old: str, new: str) -> int:
    """Lines that go and lines that come."""
    found = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines()).get_opcodes()
    return sum(went - left + came - put for kind, left, went, put, came in found if kind != "equal")


# --- what the text says ------------------------------------------------------------------------


def _text_refused(old: str, new: str, crash: Crash | None) -> str | None:
    if "\0" in new or any(unicodedata.category(c) == "Cf" for c in set(new) - set(old)):
        return "binary or invisible characters"
    try:
        was, now = ast.parse(old), ast.parse(new)
    except UNREADABLE:
        return "not valid Python"
    if reason := odd_names(old, new):
        return reason
    if len(SILENCERS.findall(new)) > len(SILENCERS.findall(old)):
        return "silences a checker by a comment"
    if reason := lost(was, now):
        return reason
    gained = Counter(offences(now)) - Counter(offences(was))
    gained = [reason for reason in gained if not _meant(was, reason)]
    if gained:
        return gained[0]
    return _special_case(was, now, crash)


def _meant(was: ast.AST, reason: str) -> bool:
    """A missing import of what the program already uses brings nothing that its author did not write."""
    module = reason.removeprefix("newly imports ")
    return any(isinstance(n, ast.Name) and n.id == module for n in ast.walk(was))


def _special_case(was: ast.AST, now: ast.AST, crash: Crash | None) -> str | None:
    """A new comparison or lookup with a literal that only the report of this crash contains."""
    reported = _reported_texts(crash)
    known = {n.value for n in ast.walk(was) if isinstance(n, ast.Constant)}
    for literal in (one for one in _compared(now) if one not in known):
        part = isinstance(literal, str) and len(literal) >= PART and any(literal in text for text in reported)
        if part or str(literal) in reported:
            return f"special-cases the reported input {literal!r}"
    computed = next((n for n in _computed(now) if n not in known), None)
    return None if computed is None else f"special-cases inputs by a computed condition with {computed!r}"


def _computed(tree: ast.AST) -> Iterator[object]:
    """Numbers that what is computed must equal, as in ``part * 2 == 6``: one input's signature, no rule."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In):
            sides = [node.left, *node.comparators]
            if any(isinstance(n, ast.BinOp) or _digest(n) for side in sides for n in ast.walk(side)):
                inside = [n for side in sides for n in ast.walk(side) if isinstance(n, ast.Constant)]
                yield from (n.value for n in inside if type(n.value) in (int, float) and abs(n.value) > 2)


def _digest(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"hash", "sum", "ord", "id", "abs", "pow"}


PART = 4  # characters of a reported text from which a piece of it counts as the text
_MATCHERS = {"startswith", "endswith", "match", "fullmatch", "search", "find", "index", "count", "removeprefix"}


def _compared(tree: ast.AST) -> Iterator[object]:
    """Literals that decide something: compared, matched, or keys of a table that is written out and looked up."""
    for node in ast.walk(tree):
        places: list[ast.AST] = [node] if isinstance(node, ast.Compare | ast.MatchValue) else []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _MATCHERS:
            places = [*node.args]
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Dict):
            places = [key for key in node.value.keys if key]
        for inner in (found for place in places for found in ast.walk(place)):
            value = inner.value if isinstance(inner, ast.Constant) else None
            if (isinstance(value, str) and len(value) > 1) or (type(value) in (int, float) and abs(value) > 2):
                yield value


def _reported_texts(crash: Crash | None) -> set[str]:
    """Literals inside of the report's locals and logs, as text."""
    texts = [v for f in crash.frames for v in (f.locals or {}).values()] if crash else []
    texts += crash.logs if crash else ()
    return {a or b or c for t in texts for a, b, c in re.findall(r"'([^']*)'|\"([^\"]*)\"|(-?\d+(?:\.\d+)?)", t)}

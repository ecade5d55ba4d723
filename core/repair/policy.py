"""What no fix may do, whoever wrote it. Pure: texts in, a reason out; nothing is run.

Two kinds of refusal: by path and size, and by what the syntax tree newly contains or lost.
"""

from __future__ import annotations

import ast
import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from core.models import Crash
from core.repair.shapes import Candidate
from core.settings import FixRules

_DANGEROUS_MODULES = {"subprocess", "socket", "ctypes", "pty", "importlib", "pickle", "marshal", "shutil"}
_DANGEROUS_CALLS = {"eval", "exec", "compile", "__import__", "exit", "quit", "breakpoint"}
_DANGEROUS_ATTRIBUTES = {"system", "popen", "_exit", "exit", "execv", "execve", "spawnv", "fork", "kill"}
_SILENCERS = re.compile(r"#\s*(type:\s*ignore|noqa|nosec|pragma:\s*no\s*cover|pylint:\s*disable)", re.I)
_SECRET_NAME = re.compile(r"secret|password|passwd|token|api_?key|private_?key|credential", re.I)


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
    if not path.isascii() or unicodedata.normalize("NFKC", path) != path or not path.isprintable():
        return "a look-alike name"
    folded = {p.casefold(): p for p in before}
    if path not in before and path.casefold() in folded:
        return f"a look-alike of {folded[path.casefold()]}"
    heads = [path, *(f"{parent}/" for parent in map(str, plain.parents) if parent != ".")]
    if any(matches(head.rstrip("/"), glob) for glob in rules.forbidden for head in heads):
        return "the policy forbids this path"
    if is_test(path):
        return "a fix may not touch tests"
    if not any(matches(path, glob) for glob in allowed):
        return "outside of what this service allows"
    return None if path.endswith(".py") else "not a Python source file"


def _too_large(before: Mapping[str, str], changed: Mapping[str, str], rules: FixRules) -> str | None:
    if len(changed) > rules.max_files:
        return f"{len(changed)} files change, {rules.max_files} are allowed"
    lines = sum(_changed_lines(before.get(path, ""), text) for path, text in changed.items())
    return f"{lines} lines change, {rules.max_lines} are allowed" if lines > rules.max_lines else None


def _changed_lines(old: str, new: str) -> int:
    diff = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return sum(line[:1] in "+-" and line[:3] not in ("+++", "---") for line in diff)


# --- what the text says ------------------------------------------------------------------------


def _text_refused(old: str, new: str, crash: Crash | None) -> str | None:
    if "\0" in new or any(unicodedata.category(c) == "Cf" for c in set(new) - set(old)):
        return "binary or invisible characters"
    try:
        was, now = ast.parse(old), ast.parse(new)
    except (SyntaxError, ValueError, RecursionError):
        return "not valid Python"
    if len(_SILENCERS.findall(new)) > len(_SILENCERS.findall(old)):
        return "silences a checker by a comment"
    lost = Counter(_safeguards(was)) - Counter(_safeguards(now))
    if lost:
        return f"removes a check: {next(iter(lost))[:80]}"
    gained = Counter(_offences(now)) - Counter(_offences(was))
    if gained:
        return next(iter(gained))
    return _special_case(was, now, crash)


def _safeguards(tree: ast.AST) -> Iterator[str]:
    """Raises and asserts: none of them may go."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            yield "raise " + (_name(node.exc) or "")
        elif isinstance(node, ast.Assert):
            yield "assert " + ast.unparse(node.test)


def _offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        found = _OFFENCES.get(type(node))
        if found and (reason := found(node)):
            yield reason


def _handler(node: ast.ExceptHandler) -> str | None:
    names = {_name(n) for n in (node.type.elts if isinstance(node.type, ast.Tuple) else [node.type])}
    if names & {None, "", "Exception", "BaseException"}:
        return "catches every exception"
    if any(isinstance(n, ast.Raise) for n in ast.walk(node)):
        return None
    quiet = (ast.Pass, ast.Continue, ast.Break, ast.Expr)
    if all(isinstance(s, quiet) or _empty_return(s) for s in node.body):
        return f"swallows {', '.join(sorted(map(str, names)))}"
    return None


def _empty_return(node: ast.stmt) -> bool:
    """Returns nothing that was computed: ``return``, ``return None``, ``return 0``, ``return {}``."""
    if not isinstance(node, ast.Return):
        return False
    value = node.value
    empty = isinstance(value, ast.Dict | ast.List | ast.Tuple) and not list(ast.iter_child_nodes(value))[:1]
    return value is None or isinstance(value, ast.Constant) or empty


def _call(node: ast.Call) -> str | None:
    name = _name(node.func)
    bare = isinstance(node.func, ast.Name)
    if (bare and name in _DANGEROUS_CALLS) or (not bare and name in _DANGEROUS_ATTRIBUTES):
        return f"newly calls {name}()"
    if name == "suppress":
        return "swallows errors by contextlib.suppress"
    if name in ("_create_unverified_context", "disable_warnings"):
        return "turns off verification"
    for keyword in node.keywords:
        set_ = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if (keyword.arg, set_) in (("verify", False), ("check_hostname", False), ("shell", True)):
            return f"passes {keyword.arg}={set_}"
    return _secret_default(node)


def _secret_default(node: ast.Call) -> str | None:
    """``os.environ.get("API_TOKEN", "changeme")`` and its like."""
    texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    reads = _name(node.func) in ("get", "getenv", "setdefault") and len(node.args) == len(texts) == 2
    return f"gives {texts[0]} a default" if reads and _SECRET_NAME.search(texts[0]) else None


def _import(node: ast.Import | ast.ImportFrom) -> str | None:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
    bad = {n.split(".")[0] for n in names} & _DANGEROUS_MODULES
    return f"newly imports {sorted(bad)[0]}" if bad else None


def _assign(node: ast.Assign) -> str | None:
    for target in node.targets:
        name = _name(target) or ""
        constant = isinstance(node.value, ast.Constant)
        if constant and _SECRET_NAME.search(name) and isinstance(node.value.value, str) and node.value.value:
            return f"writes a secret into {name}"
        if name in ("verify_mode", "check_hostname", "verify") and ast.unparse(node.value) in (
            "False",
            "ssl.CERT_NONE",
        ):
            return f"turns off {name}"
    return None


_OFFENCES = {
    ast.ExceptHandler: _handler,
    ast.Call: _call,
    ast.Import: _import,
    ast.ImportFrom: _import,
    ast.Assign: _assign,
}


def _name(node: ast.AST | None) -> str | None:
    """Last name of a dotted expression or of the thing called."""
    if isinstance(node, ast.Call):
        return _name(node.func)
    return getattr(node, "attr", None) or getattr(node, "id", None)


def _special_case(was: ast.AST, now: ast.AST, crash: Crash | None) -> str | None:
    """A new comparison or lookup with a literal that only the report of this crash contains."""
    reported = _reported_texts(crash)
    new = Counter(_compared(now)) - Counter(_compared(was))
    known = {n.value for n in ast.walk(was) if isinstance(n, ast.Constant)}
    for literal in new:
        if literal not in known and str(literal) in reported:
            return f"special-cases the reported input {literal!r}"
    return None


def _compared(tree: ast.AST) -> Iterator[object]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.MatchValue):
            for inner in ast.walk(node):
                value = inner.value if isinstance(inner, ast.Constant) else None
                if (isinstance(value, str) and len(value) > 1) or (type(value) in (int, float) and abs(value) > 2):
                    yield value


def _reported_texts(crash: Crash | None) -> set[str]:
    """Literals inside of the report's locals and logs, as text."""
    texts = [v for f in crash.frames for v in (f.locals or {}).values()] if crash else []
    texts += crash.logs if crash else ()
    return {a or b or c for t in texts for a, b, c in re.findall(r"'([^']*)'|\"([^\"]*)\"|(-?\d+(?:\.\d+)?)", t)}

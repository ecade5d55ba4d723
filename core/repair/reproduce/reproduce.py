"""Finds calls that crash as reported, and writes the regression test that fails on the old code."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator, Sequence, Set
from itertools import islice
from pathlib import Path, PurePosixPath

from core.models import Crash, Frame
from core.repair.localize.fixability import deepest_in_app
from core.repair.localize.syntax import imported_name, importing, imports_of
from core.repair.prove.kept_rows import KeptRows
from core.repair.reproduce.content import with_files
from core.repair.reproduce.examples import examples
from core.repair.reproduce.inputs import calls_in_code, recorded_calls
from core.repair.reproduce.mutate import pool_of
from core.repair.reproduce.search import Search
from core.repair.reproduce.seed_values import hints
from core.repair.reproduce.shorten import cut, without_unread
from core.repair.reproduce.test_calls import literals, scaffolds
from core.repair.reproduce.test_modules import suites
from core.repair.reproduce.toward import set_apart
from core.repair.reproduce.values import source
from core.repair.sandbox.probe import Call, ProbeOutcome, probe
from core.repair.types import RegressionTest, Runner

BATCH = 700  # guessed inputs of one launch
TESTED, TEXTS = 360, 120  # calls and texts that are taken from tests
FURTHER = 4  # launches if further calls are wanted
MANY = 100  # maximum of these calls, one of which may be an input on which a fix works
LAUNCH = 120  # calls from tests in the first launch; each launch has twice as many in total
HITS = 8  # guessed crashing inputs that are kept
_NOWHERE = Frame(file="", line=0)
_BY_DATA = {"KeyError", "ValueError", "IndexError", "UnicodeDecodeError", "UnicodeEncodeError", "StopIteration"}


def fingerprint(crash: Crash) -> str:
    """Ten hex digits of exception type, file and function of the deepest frame of the program."""
    frame = deepest_in_app(crash)
    where = f"{frame.file}:{frame.function}" if frame else ""
    return hashlib.sha256(f"{crash.exception.type}|{where}".encode()).hexdigest()[:10]


def kind_of(crash: Crash) -> str:
    return crash.exception.type.rsplit(".", 1)[-1]


def is_crash(outcome: ProbeOutcome, crash: Crash) -> bool:
    """Does it have the same exception type and innermost function and file, without being a deliberate raise?"""
    frame = deepest_in_app(crash)
    place = (outcome.file, outcome.function)
    if frame is None or outcome.deliberate:
        return False
    return outcome.error == kind_of(crash) and place == (frame.file, frame.function)


def reproduces(outcome: ProbeOutcome, crash: Crash) -> bool:
    """Does it crash on the reported line with the reported message (or its form, if the message contains data)?"""
    frame = deepest_in_app(crash)
    if frame is None or not is_crash(outcome, crash) or (frame.line and outcome.line != frame.line):
        return False
    expected, seen = _plain(crash.exception.message), _plain(outcome.text)
    if not expected or expected == seen:
        return True
    return kind_of(crash) in _BY_DATA and (kind_of(crash) == "KeyError" or _shape(expected) == _shape(seen))


def _plain(message: str) -> str:
    """The message without a file's path, as at the end of an ImportError."""
    return re.sub(r" \(/?[\w./-]+\)$", "", message.strip())


def _shape(message: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"|0x\w+|\d+", "*", message)


def crashing_calls(tree: Path, crash: Crash, runner: Runner) -> list[Call]:
    """Calls that crash as reported, most likely first; empty if none was found.

    A call with the report's own locals is used alone. Otherwise the input is searched, and several are kept, because a
    fix may work on only one of them.
    """
    recorded = recorded_calls(tree, crash)
    exact, _ = _hits(tree, [*recorded, *(more for call in recorded for more in with_files(call, crash))], crash, runner)
    return exact[:1] if exact else further_calls(tree, crash, runner)


def further_calls(tree: Path, crash: Crash, runner: Runner, every: bool = False) -> list[Call]:
    """Calls that are searched: from tests, code and the report, then by a guided search.

    ``every``: collect the calls of several launches instead of stopping at the first launch that crashes.
    """
    read = suites(tree, crash)
    pool = [*hints(crash.exception.message), *pool_of(crash), *_told(crash)]
    search = Search(tree, crash, runner, pool, literals(tree, read, TEXTS))
    found: list[Call] = []
    alike: list[Call] = []
    for done in islice(_runs(search, tree, crash), FURTHER if every else None):
        hits = [(call, outcome) for call, outcome in done.items() if reproduces(outcome, crash)]
        exact = [c for c, o in hits if _plain(o.text) == _plain(crash.exception.message)]
        found += exact if every else _spread(exact)
        alike += [c for c, _ in hits]
        if found and not every:
            break
    return _confirmed(tree, found[:MANY] or _spread(alike), crash, runner)


def _confirmed(tree: Path, calls: Sequence[Call], crash: Crash, runner: Runner) -> list[Call]:
    """The calls that crash as reported in a new process, independent of earlier calls; the first is shortened."""
    sure = _hits(tree, calls, crash, runner)[1] if calls else []
    for shorter in (cut, without_unread) if sure else ():
        sure[:1] = [*_hits(tree, list(shorter(sure[0])), crash, runner)[1], sure[0]][:1]
    return sure


def _runs(search: Search, tree: Path, crash: Crash) -> Iterator[dict[Call, ProbeOutcome]]:
    """Launches of calls from tests, the report, examples and the code, followed by those of the search."""
    recorded = [set_apart(call) for call in recorded_calls(tree, crash)]
    files = [more for call in recorded_calls(tree, crash) for more in with_files(call, crash)]
    tests = scaffolds(tree, crash, most=TESTED)
    late = [*tests[LAUNCH:], *examples(tree, crash), *calls_in_code(tree, crash)]
    seeds = [*tests[:LAUNCH], *recorded, *files, *late]
    for at in range(0, len(seeds), 2 * LAUNCH):
        yield search.run(seeds[at : at + 2 * LAUNCH])
    yield from search.generations()


def _hits(tree: Path, calls: Sequence[Call], crash: Crash, runner: Runner) -> tuple[list[Call], list[Call]]:
    """Calls that crash with the reported message, and all that crash as reported."""
    calls = list(dict.fromkeys(calls))[:BATCH]
    outcomes = probe(tree, calls, runner) if calls else []
    hits = [(c, o) for c, o in zip(calls, outcomes, strict=False) if reproduces(o, crash)]
    return [c for c, o in hits if _plain(o.text) == _plain(crash.exception.message)], [c for c, _ in hits]


def _spread(hits: list[Call]) -> list[Call]:
    """The first calls, which are the most likely, and as many evenly from the rest."""
    first, rest = hits[: HITS // 2], hits[HITS // 2 :]
    return [*first, *rest[:: max(1, len(rest) // (HITS - HITS // 2))]][:HITS]


def _told(crash: Crash) -> list[str]:
    """Literals among the report's locals, rebuilt by the closed grammar."""
    parts = [source(text) for frame in crash.frames for text in (frame.locals or {}).values()]
    return list(dict.fromkeys(text for text, lines in filter(None, parts) if not lines))[:20]


def written(
    call: Call,
    crash: Crash,
    raises: str = "",
    tests: str = "tests",
    gives: str = "",
    known: bool = False,
    kept: KeptRows | None = None,
) -> RegressionTest:
    """The regression test, which fails with the crash's exception on the old code.

    ``raises``: the expected documented exception (an import line, then the name); ``gives``: the expected result as a
    literal. ``known``: the right result is known, even if it has no literal; otherwise the test's docstring says that
    it is not. ``tests`` is the folder of the test. ``kept``: further inputs whose results must stay, as a second test.
    """
    frame, kind = deepest_in_app(crash) or _NOWHERE, kind_of(crash)
    imports = [*call.imports.splitlines(), *(raises.splitlines()[:-1])]
    imports += ["import pytest"] if raises or kept else []
    body = _without_unused(call.setup, call.expression).splitlines()
    if raises:
        body += [f"with pytest.raises({raises.splitlines()[-1]}):", f"    {call.expression}"]
    elif call.expression != "None":
        body.append(_asserted(call.expression, gives) if gives else call.expression)
    rows = kept.text(f"test_{name_part(frame.function, 'call')}_keeps_other_results") if kept else ""
    imports = _merged(_used(imports, "\n".join([*body, raises, rows])))
    inside = "".join(f"    {line}\n" if line.strip() else "\n" for line in body)
    head = "\n".join(imports) + "\n\n\n" if imports else "\n"
    unknown = "" if raises or known else " The right result is not known, so none is asserted."
    about = _docstring(f"{kind} in {frame.function} ({frame.file}), as reported from {crash.environment}.{unknown}")
    name = f"test_{name_part(frame.function, 'call')}_does_not_raise_{name_part(kind, 'error')}"
    code = f"{about}\n\n{head}def {name}():\n{inside}" + (f"\n\n{rows}" if rows else "")
    path = PurePosixPath(tests, f"test_regression_{fingerprint(crash)}.py").as_posix()
    return RegressionTest(path, code, call.expression)


def _asserted(expression: str, gives: str) -> str:
    return f"assert {expression} {'is' if gives in ('None', 'True', 'False') else '=='} {gives}"


def _without_unused(setup: str, expression: str) -> str:
    """The statements without assignments to unused names, which a test of the repository used in its assertions.

    Calls are kept for their effects.
    """
    try:
        tree, called = ast.parse(setup), ast.parse(expression)
    except (SyntaxError, ValueError):
        return setup
    names = [n for whole in (tree, called) for n in ast.walk(whole) if isinstance(n, ast.Name)]
    read = {n.id for n in names if not isinstance(n.ctx, ast.Store)}
    kept = [_unnamed(node, read) for node in tree.body]
    return setup if kept == tree.body else "\n".join(ast.unparse(node) for node in kept if node is not None)


def _unnamed(node: ast.stmt, read: Set[str]) -> ast.stmt | None:
    """The statement; for an assignment to a name not in ``read``, its value if that contains a call, else nothing."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name not in read:
            return ast.Expr(value) if any(isinstance(n, ast.Call | ast.Await) for n in ast.walk(value)) else None
    return node


def _used(lines: Sequence[str], text: str) -> list[str]:
    """Import lines without the names that the text does not use."""
    kept = []
    for node in [n for line in lines for n in imports_of(ast.parse(line))]:
        names = [a for a in node.names if re.search(rf"\b{imported_name(a).split('.')[0]}\b", text)]
        kept += [ast.unparse(importing(node, names))] if names else []
    return kept


def _merged(lines: Sequence[str]) -> list[str]:
    """Sorted import lines, merged by module."""
    plain, modules = {}, {}
    for node in [n for line in lines for n in ast.parse(line).body]:
        if isinstance(node, ast.ImportFrom):
            names = modules.setdefault(f"{'.' * node.level}{node.module or ''}", {})
            names.update(dict.fromkeys(ast.unparse(alias) for alias in node.names))
        else:
            plain[ast.unparse(node)] = None
    return [*sorted(plain), *(f"from {m} import {', '.join(sorted(n))}" for m, n in sorted(modules.items()))]


def _docstring(text: str) -> str:
    """Untrusted text as a docstring: unchanged if it is plain words, else as its repr."""
    return f'"""{text}"""' if re.fullmatch(r"[A-Za-z0-9 _.,:/()<>-]{1,300}", text) else repr(text[:300])


def name_part(text: str, otherwise: str) -> str:
    """The text as part of a function's name: only ASCII letters, digits and underscores."""
    return re.sub(r"[^A-Za-z0-9_]+", "", text).strip("_").lower()[:60] or otherwise

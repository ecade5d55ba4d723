"""Collects calls from examples: in docstrings, in README and docs, and in example scripts. Pure.

Many source distributions have no tests, but nearly all have usage examples.
"""

from __future__ import annotations

import ast
import doctest
import re
import textwrap
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from core.models import Crash
from core.repair.localize.sources import files, importable, is_test, module_of, parsed, words
from core.repair.localize.syntax import documentation, functions_in, names_in, nodes
from core.repair.reproduce.shorten import steps_of
from core.repair.reproduce.test_calls import outer_calls
from core.repair.reproduce.test_modules import defines
from core.repair.sandbox.probe import Call

PAGES, LONGEST, MOST = 20, 200_000, 80
_SHOWING = words("example examples demo demos doc docs sample samples")
_BEGINS = re.compile(r"```(?:python|py|python3|pycon)\b|\.\. (?:code-block|code|sourcecode):: *python")


def examples(tree: Path, crash: Crash) -> list[Call]:
    """Calls in examples, those in the docstrings of the crash's own modules first."""
    own = list(dict.fromkeys(f.file for f in reversed(crash.frames) if f.in_app))
    found = [call for path in own if importable(module_of(path)) for call in _of_module(tree, path)]
    return list(dict.fromkeys([*found, *islice(chain(_of_pages(tree), _of_scripts(tree)), MOST)]))[:MOST]


def _of_module(tree: Path, path: str) -> Iterator[Call]:
    """Examples in a module's docstrings, which use the module's own names."""
    module = parsed(tree, path)
    own = {name for node in module.body for name in defines(node)}
    for node in (module, *functions_in(module), *nodes(module, ast.ClassDef)):
        steps = _prompted(documentation(node))
        used = sorted(own & {name for step in steps for name in names_in(step)})
        yield from _calls(steps, [f"from {module_of(path)} import {', '.join(used)}"] if used else [])


def _of_pages(tree: Path) -> Iterator[Call]:
    pages = [path for kind in ("*.md", "*.rst", "*.txt") for path in sorted(tree.rglob(kind))]
    chosen = [path for path in pages if not path.is_symlink() and not is_test(path.relative_to(tree).as_posix())]
    for path in sorted(chosen, key=lambda path: len(path.parts))[:PAGES]:
        text = path.read_text(encoding="utf-8", errors="replace")[:LONGEST]
        yield from _calls(_prompted(text), [])
        for block in _blocks(text):
            yield from _calls([] if ">>>" in block else steps_of(block), [])


def _of_scripts(tree: Path) -> Iterator[Call]:
    """Scripts in example folders, up to the first statement that is not a simple one."""
    scripts = [path for path in files(tree) if not _SHOWING.isdisjoint(path.split("/")[:-1])]
    for path in scripts[:PAGES]:
        yield from _calls(parsed(tree, path).body, [])


def _blocks(text: str) -> Iterator[str]:
    """Code in fences (Markdown) and in indented blocks below a directive (reStructuredText)."""
    block: list[str] = []
    inside = fenced = False
    for line in [*text.splitlines(), "end"]:
        ends = line.startswith("```") if fenced else bool(line[:1].strip())
        if inside and ends:
            yield textwrap.dedent("\n".join(block))
            block, inside = [], False
        elif inside:
            block.append(line)
        elif _BEGINS.match(line):
            inside, fenced = True, line.startswith("```")


def _prompted(text: str) -> list[ast.stmt]:
    """Statements after ``>>>``."""
    try:
        found = doctest.DocTestParser().get_examples(text) if ">>>" in text else []
    except ValueError:
        return []
    return [step for example in found for step in steps_of(example.source)]


def _calls(steps: list[ast.stmt], imports: list[str]) -> Iterator[Call]:
    """The calls of an example's statements, each after those before it."""
    needed = [*imports, *(ast.unparse(n) for n in steps if isinstance(n, ast.Import | ast.ImportFrom))]
    plain = [n for n in steps if not isinstance(n, ast.Import | ast.ImportFrom)][:MOST]
    for at, step in enumerate(plain):
        before = "\n".join(ast.unparse(n) for n in plain[:at] if not _shows(n))
        for call in outer_calls(step):
            yield Call("\n".join(dict.fromkeys(needed)), ast.unparse(call), before)


def _shows(step: ast.stmt) -> bool:
    """Is it a value or a call's result that an example only shows?"""
    value = step.value if isinstance(step, ast.Expr) else None
    return value is not None and not (isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute))

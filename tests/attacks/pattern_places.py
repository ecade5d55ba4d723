"""Where the product matches patterns or parses: found in its own source, and seen while a reader runs."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MATCHING = {"search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
PARSERS = {
    "json.loads", "json.load", "ast.parse", "ast.literal_eval", "tomllib.loads", "ElementTree.fromstring",
    "difflib.get_close_matches", "difflib.unified_diff", "SequenceMatcher", "re.compile", "Linear", "strict_json.loads",
    "Requirement", "SpecifierSet", "parse_wheel_filename", "parse_sdist_filename", "dotenv_values",
    "dotenv.dotenv_values",
}  # fmt: skip
READING = (".model_validate_json", ".validate_json", ".read_string")  # methods
Place = tuple[str, str]  # module, qualified name of the function


@cache
def places() -> dict[Place, list[str]]:
    """Each function of core and console that matches a pattern or parses, with the patterns that it uses."""
    found: dict[Place, list[str]] = {}
    for path in sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("console/**/*.py")]):
        if "demo" not in path.parts:
            name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
            for function, patterns in _of_module(ast.parse(path.read_text(encoding="utf-8"))):
                found.setdefault((name, function), []).extend(patterns)
    return found


def _of_module(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    named = dict(_named(tree))
    for function, node in _functions(tree, ""):
        own = list(_inside(node))
        calls = [n for n in own if isinstance(n, ast.Call) and _matches(n)]
        names = {n.id for n in own if isinstance(n, ast.Name)} & named.keys()
        if calls or names:
            yield function, [p for name in names for p in named[name]] + [p for n in calls for p in _written(n)]


def _named(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Names of the module that hold compiled patterns, alone or in tables."""
    for node in tree.body:
        for target in node.targets if isinstance(node, ast.Assign) else ():
            calls = [n for n in ast.walk(node) if isinstance(n, ast.Call) and _compiles(n)]
            for name in ast.walk(target) if calls else ():
                if isinstance(name, ast.Name):
                    yield name.id, [p for n in calls for p in _written(n)]


def _functions(node: ast.AST, before: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield before + child.name, child
            yield from _functions(child, f"{before}{child.name}.<locals>.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{before}{child.name}.")
        else:
            yield from _functions(child, before)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    """What belongs to a function, and not to one that is defined in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child
            yield from _inside(child)


def _matches(node: ast.Call) -> bool:
    told = ast.unparse(node.func)
    return told in PARSERS or told.startswith("re.") and told[3:] in MATCHING or told.endswith(READING)


def _compiles(node: ast.Call) -> bool:
    return ast.unparse(node.func) in ("re.compile", "Linear", "_rule")


def _written(node: ast.Call) -> Iterator[str]:
    """The pattern as it stands there; of one that is put together, its parts."""
    for argument in node.args[:3]:
        for part in ast.walk(argument):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                yield part.value


def forget() -> None:
    """Empty the caches of their modules: what an earlier test asked is not called again, and so not seen."""
    for module in {module for module, _ in places()} & sys.modules.keys():
        for found in vars(sys.modules[module]).values():
            if hasattr(found, "cache_clear"):
                found.cache_clear()


def seen(work: Callable[[], object]) -> set[Place]:
    """The functions of core and console that are called while ``work`` runs in this thread, to its end or its error."""
    found: set[Place] = set()

    def note(frame, event, _argument) -> None:
        name = frame.f_globals.get("__name__", "") if event == "call" else ""
        if name.startswith(("core.", "console.")):
            found.add((name, frame.f_code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with contextlib.suppress(Exception):
            work()
    finally:
        sys.setprofile(before)
    return found

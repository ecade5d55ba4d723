"""Gates that read the change as text: secrets in the code, undeclared dependencies, outdated docstrings."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.stages.review.gate import Changed, Gate, GateFinding, counted
from core.stages.review.imports import imported, own, packages
from core.stages.review.manifests import is_manifest, texts
from core.stages.review.runtime_gates import Function, functions
from core.vendors.redact import MARK, Redactor

PARAMETER = re.compile(r"^[ \t]*(?::param (?:\w+ )?(\w+):|(\w+)(?: \([^)]*\))?: )", re.M)
AUDIT = "dependencies changed; a person must audit them"
SECTION = re.compile(r"^[ \t]*(?:Args|Arguments|Parameters):[ \t]*$(.*?)(?=^[ \t]*\w+:[ \t]*$|\Z)", re.M | re.S)


def secrets(tree: Path, changed: Changed) -> Gate:
    """Changed lines that the redaction would hide: keys and passwords in the formats that gitleaks lists."""
    redact, found = Redactor(), []
    for path, lines in changed.items():
        text = (tree / path).read_bytes().decode("utf-8")
        for number, line in enumerate(text.split("\n"), 1):  # counted as in the diff: a form feed ends no line
            line = line.replace(MARK, "")
            if number in lines and redact(line) != line:
                found.append(GateFinding("secrets", path, number, "this line contains a secret"))
    return counted("secrets", found, changed, "secret")


def dependencies(tree: Path, changed: Changed, names: Sequence[str], source: Sequence[str] = ()) -> Gate:
    """``names`` are all changed files. Two rules:

    A fix that changes a manifest needs a person. A new import must come from the standard library, the program, or a
    package that a manifest names. vulnerabilities.py checks the packages themselves.
    """
    found = [GateFinding("dependencies", n, 1, AUDIT) for n in names if is_manifest(n)]
    named = set(re.findall(r"[a-z0-9-]+", " ".join(texts(tree, source).values()).lower().replace("_", "-")))
    for path, lines in changed.items():
        known = own(tree, path) | sys.stdlib_module_names
        for number, module in imported((tree / path).read_text(encoding="utf-8")):
            there = module in known or any(_begins(word, name) for name in packages(module) for word in named)
            if number in lines and not there:
                found.append(GateFinding("dependencies", path, number, f"no manifest lists {module}"))
    message = "; ".join(f.message for f in found) or "no manifest changed and no new dependency is imported"
    return Gate("dependencies", not found, message, float(len(found)), 0.0, tuple(found))


def _begins(word: str, name: str) -> bool:
    """Is it the package, or one of its family (google-cloud-storage for google)? "requests" does not list "request"."""
    return word == name or word.startswith(f"{name}-")


def audited(gate: Gate) -> Gate:
    """The gate for an upgrade of a pin: that a manifest changed is what the person decides who must approve it."""
    if gate.gate != "dependencies" or any(found.message != AUDIT for found in gate.findings):
        return gate
    return replace(gate, done=gate.passed)


def documentation(tree: Path, changed: Changed, before: Mapping[str, str]) -> Gate:
    """Changed public functions keep their docstring, new ones have one, and no docstring becomes wrong."""
    found = []
    for path, lines in changed.items():
        old = dict(functions(before.get(path, "")))
        for name, node in functions((tree / path).read_text(encoding="utf-8")):
            if _touched(node, lines, old.get(name)) and not any(part.startswith("_") for part in name.split(".")):
                known = set(_untrue(name, old[name])) if name in old else set()
                faults = [_missing(name, node, old.get(name)), *_untrue(name, node)]
                found += [GateFinding("documentation", path, node.lineno, s) for s in faults if s and s not in known]
    message = "; ".join(f.message for f in found) or "docstrings of changed public functions are complete and correct"
    return Gate("documentation", not found, message, float(len(found)), 0.0, tuple(found))


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
        raised = {_name(n.exc) for n in ast.walk(node) if isinstance(n, ast.Raise) and n.exc}
        for kind in sorted(kind for kind in raised if kind[:1].isupper() and kind not in text):
            yield f"{name} raises {kind}, which its docstring does not mention"


def _documented(text: str) -> set[str]:
    """Parameters that a docstring documents in Sphinx or Google style."""
    sections = " ".join(re.findall(r":param [^\n]*", text)).replace(":param", "\n:param")
    sections += "\n".join(SECTION.findall(text))
    return {a or b for a, b in PARAMETER.findall(sections)}


def _name(node: ast.AST) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return getattr(node, "attr", None) or getattr(node, "id", "")

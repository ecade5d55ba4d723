"""Gates that read the change as text: secrets in the code, and undeclared dependencies."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from core.stages.review.gate import Changed, Gate, GateFinding, counted
from core.stages.review.imports import imported, own, packages
from core.stages.review.manifests import is_manifest, texts
from core.vendors.redact import MARK, Redactor

AUDIT = "dependencies changed; a person must audit them"


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
            if number in lines and module not in known and not _listed(module, named):
                found.append(GateFinding("dependencies", path, number, f"no manifest lists {module}"))
    message = "; ".join(f.message for f in found) or "no manifest changed and no new dependency is imported"
    return Gate("dependencies", not found, message, float(len(found)), 0.0, tuple(found))


def _listed(module: str, words: Collection[str]) -> bool:
    return any(_begins(word, name) for name in packages(module) for word in words)


def _begins(word: str, name: str) -> bool:
    """Is it the package, or one of its family (google-cloud-storage for google)? "requests" does not list "request"."""
    return word == name or word.startswith(f"{name}-")


def audited(gate: Gate) -> Gate:
    """The gate for an upgrade of a pin: that a manifest changed is what the person decides who must approve it."""
    if gate.gate != "dependencies" or any(found.message != AUDIT for found in gate.findings):
        return gate
    return replace(gate, done=gate.passed)

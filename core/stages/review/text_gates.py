"""Gates that read the change as text: secrets in the code, and undeclared dependencies."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from core.stages.review.gate import Changed, Gate, GateFinding, counted
from core.stages.review.imports import imported, own
from core.stages.review.manifests import is_manifest, texts
from core.vendors.redact import MARK, Redactor


def secrets(tree: Path, changed: Changed) -> Gate:
    """Changed lines that the redaction would hide: keys and passwords in the formats that gitleaks lists."""
    redact, found = Redactor(), []
    for path, lines in changed.items():
        for number, line in enumerate((tree / path).read_text(encoding="utf-8").splitlines(), 1):
            line = line.replace(MARK, "")
            if number in lines and redact(line) != line:
                found.append(GateFinding("secrets", path, number, "this line contains a secret"))
    return counted("secrets", found, changed, "secrets")


def dependencies(tree: Path, changed: Changed, names: Sequence[str], source: Sequence[str] = ()) -> Gate:
    """``names`` are all changed files. Two rules:

    A fix that changes a manifest needs a person. A new import must come from the standard library, the program, or a
    package that a manifest names. vulnerabilities.py checks the packages themselves.
    """
    found = [
        GateFinding("dependencies", n, 1, "dependencies changed; a person must audit them")
        for n in names
        if is_manifest(n)
    ]
    named = " ".join(texts(tree, source).values()).lower().replace("_", "-")
    for path, lines in changed.items():
        known = own(tree, path) | sys.stdlib_module_names
        for number, module in imported((tree / path).read_text(encoding="utf-8")):
            there = module in known or module.lower().replace("_", "-") in named
            if number in lines and not there:
                found.append(GateFinding("dependencies", path, number, f"no manifest lists {module}"))
    message = "; ".join(f.message for f in found) or "no manifest changed and no new dependency is imported"
    return Gate("dependencies", not found, message, float(len(found)), 0.0, tuple(found))

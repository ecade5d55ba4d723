"""The imports of Python code, and the packages they may come from. Pure, except for reading the tree."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from core.repair.localize.sources import tree_of
from core.stages.review.gate import Changed

KNOWN_AS = {  # modules whose package on PyPI has a different name
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "fitz": "pymupdf",
    "git": "gitpython",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "ldap": "python-ldap",
    "MySQLdb": "mysqlclient",
    "nacl": "pynacl",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def imported(text: str) -> Iterator[tuple[int, str]]:
    """Line and top-level module of every absolute import. Raises SyntaxError."""
    for node in ast.walk(tree_of(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.split(".")[0]


def packages(module: str) -> set[str]:
    """Canonical names of the packages that a module may come from: its own name, a known alias, python-X, pyX."""
    names = {module, f"python-{module}", f"py{module}", KNOWN_AS.get(module, module)}
    return {package(name) for name in names}


def own(tree: Path, path: str) -> set[str]:
    """Modules of the program itself, as the file at ``path`` may import them."""
    found = {part.name.removesuffix(".py") for part in (*tree.iterdir(), *(tree / path).parent.iterdir())}
    return found | {part.name for part in tree.glob("*/*") if part.is_dir()}


def package(module: str) -> str:
    return canonicalize_name(module)


def brought(tree: Path, changed: Changed, before: Mapping[str, str], tests: str) -> set[str]:
    """Modules that a change imports and that the program, without its tests, did not import before.

    ``changed`` are its files with their changed lines, ``before`` the old texts of these files.
    """
    new: set[str] = set()
    for path, lines in changed.items():
        found = {module for line, module in imported((tree / path).read_text(encoding="utf-8")) if line in lines}
        new |= found - own(tree, path)
    new -= sys.stdlib_module_names
    return {module for module in new if not _used(module, tree, changed, before, tests)}


def _used(module: str, tree: Path, changed: Changed, before: Mapping[str, str], tests: str) -> bool:
    pattern = re.compile(rf"^[ \t]*(?:import|from)\s+{re.escape(module)}\b", re.M)
    if any(pattern.search(before.get(path, "")) for path in changed):
        return True
    return any(pattern.search(text) for path, text in _program(tree, tests) if path not in changed)


def _program(tree: Path, tests: str) -> Iterator[tuple[str, str]]:
    """Path and text of the program's files; links are not followed."""
    for folder, inner, files in os.walk(tree):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for path in (Path(folder, name) for name in files if name.endswith(".py")):
            relative = path.relative_to(tree).as_posix()
            if not path.is_symlink() and not relative.startswith(f"{tests.rstrip('/')}/"):
                yield relative, path.read_text(encoding="utf-8", errors="replace")

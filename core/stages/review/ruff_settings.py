"""The ruff settings of a repository, read as data: which of its rules a change must meet.

Ruff itself never reads the repository's configuration, which could name plugins' options, other files or its own cache.
This module parses the TOML and keeps a closed list: selected and ignored rules, also by file, the line length, the
version of Python, and the docstring convention. A family of rules whose further options the repository sets (``isort``,
for example) is left out: its findings would not be those of the repository's own ruff. Pure but for the reading.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.repair.sandbox.place import root_of
from core.repair.sandbox.runner import read_back

FILES = (".ruff.toml", "ruff.toml", "pyproject.toml")  # in ruff's own order, in each folder
LARGEST, MOST = 200_000, 200  # bytes of a file; items of a list
CODE = re.compile(r"ALL|[A-Z]{1,5}[0-9]{0,4}", re.ASCII)
GLOB = re.compile(r"[A-Za-z0-9_./*?-]{1,200}", re.ASCII)
VERSION = re.compile(r"py3[0-9]{1,2}", re.ASCII)
CONVENTIONS = ("google", "numpy", "pep257")
FAMILIES = {  # the rules that depend on a table of options
    "isort": "I", "pydocstyle": "D", "pylint": "PL", "pyupgrade": "UP", "pycodestyle": "W", "pep8-naming": "N",
    "flake8-quotes": "Q", "flake8-annotations": "ANN", "flake8-bugbear": "B", "flake8-tidy-imports": "TID",
    "flake8-pytest-style": "PT", "flake8-type-checking": "TC", "flake8-unused-arguments": "ARG",
    "flake8-bandit": "S", "flake8-comprehensions": "C4", "flake8-errmsg": "EM", "flake8-import-conventions": "ICN",
    "flake8-self": "SLF", "flake8-builtins": "A", "flake8-implicit-str-concat": "ISC", "flake8-copyright": "CPY",
    "flake8-gettext": "INT", "flake8-boolean-trap": "FBT", "pydoclint": "DOC", "ruff": "RUF", "pyflakes": "F",
}  # fmt: skip


@dataclass(frozen=True)
class RuffSettings:
    """What of a repository's settings counts. ``left_out`` are the families whose options are not known here."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    by_file: tuple[tuple[str, str], ...] = ()  # (glob, code)
    line_length: int = 0
    target: str = ""
    convention: str = ""
    left_out: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """Ruff's arguments for these settings."""
        made = ["--select", ",".join(self.select)]
        made += ["--ignore", ",".join(self.ignore)] if self.ignore else []
        made += (
            ["--per-file-ignores", ",".join(f"{glob}:{code}" for glob, code in self.by_file)] if self.by_file else []
        )
        made += ["--line-length", str(self.line_length)] if self.line_length else []
        made += ["--target-version", self.target] if self.target else []
        return made + (
            ["--config", f"lint.pydocstyle.convention={json.dumps(self.convention)}"] * bool(self.convention)
        )

    def known_to(self, codes: Collection[str]) -> RuffSettings:
        """The same settings without the selectors that match none of these codes: ruff refuses them."""
        kept = {code for code in self._selectors() if code == "ALL" or any(known.startswith(code) for known in codes)}
        return replace(
            self,
            select=tuple(code for code in self.select if code in kept),
            ignore=tuple(code for code in self.ignore if code in kept),
            by_file=tuple(pair for pair in self.by_file if pair[1] in kept),
        )

    def _selectors(self) -> set[str]:
        return {*self.select, *self.ignore, *(code for _, code in self.by_file)}

    def counts(self, code: str) -> bool:
        """Does a finding of this rule count?"""
        return re.sub(r"[0-9].*", "", code) not in self.left_out


def of(tree: Path) -> RuffSettings | None:
    """The settings of the nearest file that has some, from the folder up to the root of the checkout; None without."""
    root = root_of(tree.resolve())
    for folder in (tree.resolve(), *tree.resolve().parents):
        for name in FILES:
            if (table := _table(folder / name)) is not None:
                return settings(table)
        if folder == root:
            return None
    return None


def _table(path: Path) -> Mapping[str, Any] | None:
    text = read_back(path, LARGEST)
    try:
        found: Any = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError):
        return None
    if path.name == "pyproject.toml":
        tool = found.get("tool")
        found = tool.get("ruff") if isinstance(tool, dict) else None
    return found if text and isinstance(found, dict) else None


def settings(table: Mapping[str, Any]) -> RuffSettings | None:
    """The closed list of a parsed table; None if it selects no rule. Top-level keys are the older form of ``lint``."""
    lint = table.get("lint") if isinstance(table.get("lint"), dict) else {}
    both = {**table, **(lint or {})}
    select = tuple(dict.fromkeys([*_codes(both.get("select")), *_codes(both.get("extend-select"))]))
    if not select:
        return None
    options = {name: both[name] for name in FAMILIES if isinstance(both.get(name), dict)}
    convention = options.get("pydocstyle", {}).get("convention")
    known = {"pydocstyle"} if convention in CONVENTIONS and len(options["pydocstyle"]) == 1 else set()
    return RuffSettings(
        select,
        tuple(dict.fromkeys([*_codes(both.get("ignore")), *_codes(both.get("extend-ignore"))])),
        tuple(_by_file(both.get("per-file-ignores")))[:MOST],
        _length(table.get("line-length")),
        _matching(VERSION, table.get("target-version")),
        convention if known else "",
        tuple(sorted(FAMILIES[name] for name in options if name not in known)),
    )


def _codes(given: Any) -> list[str]:
    listed = given if isinstance(given, list) else []
    return [code for code in listed[:MOST] if _matching(CODE, code)]


def _by_file(given: Any) -> Iterator[tuple[str, str]]:
    for glob, codes in given.items() if isinstance(given, dict) else ():
        if _matching(GLOB, glob):
            yield from ((glob, code) for code in _codes(codes))


def _length(given: Any) -> int:
    return given if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= 320 else 0


def _matching(pattern: re.Pattern[str], given: Any) -> str:
    return given if isinstance(given, str) and pattern.fullmatch(given) else ""

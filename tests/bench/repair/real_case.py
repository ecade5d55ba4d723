"""One TOML file a case: a crash of a released version of a public project, which a later release fixed.

Nothing of the projects is kept here: a case names the versions, and says in its own words what leads to the crash.

    project, broken, fixed   name and versions on the package index
    set                      dev (may be looked at) or blind (figures only); all cases of a project are in one set
    python, requires         interpreter (3.N), and packages that the call needs beside the project's own
    source                   where the fact is told: a line of the changelog, an issue or a pull request
    setup, call              statements, and the expression that raises in the broken version
    raises, file, function   exception type, and the deepest frame of the project
    fix                      files of the project's own fix; after "::" the functions whose hunks count, where the
                             file also changed for other reasons ("imports": the file's import lines)
    checks                   [expression, what it gives in the fixed version]: a repr, or "!" and an exception type

A control has ``why`` instead of fixed, fix and checks: code cannot cure it, and the right answer is to escalate.

There are 90 cases and 14 controls of 58 projects. Of the 48 cases and 6 controls in dev, 30 and 5 (23 projects) were
written by an author who had not read the repairer.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("real")
SETS = ("dev", "blind")
ROOTS = ("src", "lib")  # folders that hold the packages of a project, where it has one


@dataclass(frozen=True)
class RealCase:
    """A case as written. ``fix`` maps a file to the functions whose hunks count, empty for the whole file."""

    id: str
    set: str
    project: str
    broken: str
    source: str
    call: str
    raises: str
    file: str
    function: str
    setup: str = ""
    python: str = "3.11"
    requires: tuple[str, ...] = ()
    fixed: str = ""
    fix: Mapping[str, tuple[str, ...]] = ()  # type: ignore[assignment]
    checks: tuple[tuple[str, str], ...] = ()
    why: str = ""

    @property
    def control(self) -> bool:
        return bool(self.why)

    @property
    def root(self) -> str:
        """Folder of the importable packages, in the repository."""
        first = self.file.split("/")[0]
        return first if first in ROOTS else "."

    @property
    def trigger(self) -> str:
        return f"{self.setup}\n{self.call}\n"


def parse(name: str, text: str) -> RealCase:
    """The case of a file's text. ValueError names what is missing."""
    told: dict[str, Any] = tomllib.loads(text)
    told |= {key: tuple(told.get(key, ())) for key in ("requires",)}
    told["fix"] = dict(_restricted(line) for line in told.get("fix", []))
    told["checks"] = tuple((expression, gives) for expression, gives in told.get("checks", []))
    try:
        case = RealCase(id=name, **told)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None
    if case.set not in SETS or case.control == bool(case.fixed and case.fix and case.checks):
        raise ValueError(f"{name}: a case needs a set, and either why or all of fixed, fix and checks")
    return case


def _restricted(line: str) -> tuple[str, tuple[str, ...]]:
    file, _, functions = line.partition("::")
    return file.strip(), tuple(functions.split())


def load(which: str = "", folder: Path = FOLDER) -> list[RealCase]:
    """The cases of a set, or all. ValueError when a project is in both sets."""
    cases = [parse(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))]
    sets = {case.project: case.set for case in cases}
    if torn := sorted({case.project for case in cases if sets[case.project] != case.set}):
        raise ValueError(f"in both sets: {', '.join(torn)}")
    return [case for case in cases if which in ("", case.set)]

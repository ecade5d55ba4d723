"""The ruff settings of a repository: which of its rules a change must meet.

Ruff itself never reads the repository's configuration, which could name plugins' options, other files or its own cache.
The TOML is parsed in the sandbox (ruff_settings_inside.py), whose answer is a closed list of bounded size: selected and
ignored rules, also by file, the line length, the version of Python, and the docstring convention. A family of rules
whose further options the repository sets (``isort``, for example) is left out: its findings would not be those of the
repository's own ruff.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from core.repair.environment import needs_inside
from core.repair.sandbox.desk import desk
from core.repair.sandbox.interpreter import PLATFORM
from core.repair.sandbox.place import root_of
from core.repair.sandbox.runner import on, read_back
from core.repair.types import Runner
from core.stages.review import ruff_settings_inside
from core.vendors.command import CommandError

MOST, LONGEST, SECONDS = 200, 200, 30.0  # items of a list; characters of one; the time that the parser may take
ANSWER = 1_000_000  # bytes
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


Word = Annotated[str, Field(max_length=LONGEST)]
Words = Annotated[list[Word], Field(max_length=2 * MOST)]  # a list and its extension


class RuffAnswer(BaseModel):
    """What the sandbox read. ``options``: name of a table -> how many keys it has."""

    select: Words
    ignore: Words
    by_file: Annotated[list[tuple[Word, Word]], Field(max_length=MOST)]
    line_length: Annotated[int, Field(ge=0, le=320)]
    target: Word
    convention: Word
    options: dict[Word, int]


READ = TypeAdapter(RuffAnswer | None)


@cache
def _script() -> str:
    return "\n\n".join(Path(str(one.__file__)).read_text("utf-8") for one in (needs_inside, ruff_settings_inside))


def of(tree: Path, runner: Runner) -> RuffSettings | None:
    """The settings of the nearest file that has some, from the folder up to the root of the checkout; None without.

    Raises CommandError if they cannot be read.
    """
    job = json.dumps({"folders": _upwards(tree.resolve()), "most": MOST, "longest": LONGEST})
    with desk(tree) as made:
        argv = ["python", "-I", "-c", _script(), job, f"{made.name}/answer"]
        done = on(runner, PLATFORM).run(argv, tree, SECONDS)
        text = read_back(made.folder / "answer", ANSWER)
    try:
        found = READ.validate_json(text)
    except ValidationError:
        why = done.stopped or done.stderr.strip()[-300:] or "the answer is not valid"
        raise CommandError(f"the repository's ruff settings could not be read: {why}") from None
    return settings(found) if found else None


def _upwards(tree: Path) -> list[str]:
    """The folder and its parents up to the root of the checkout, relative to the folder."""
    depth = len(tree.relative_to(root_of(tree)).parts)
    return [os.path.join(".", *[".."] * steps) for steps in range(depth + 1)]


def settings(found: RuffAnswer) -> RuffSettings | None:
    """The settings that an answer has, without values that ruff does not have; None if it selects no rule."""
    select = _matching(CODE, found.select)
    if not select:
        return None
    options = {name: keys for name, keys in found.options.items() if name in FAMILIES}
    known = {"pydocstyle"} if found.convention in CONVENTIONS and options.get("pydocstyle") == 1 else set()
    return RuffSettings(
        select,
        _matching(CODE, found.ignore),
        tuple((glob, code) for glob, code in found.by_file if GLOB.fullmatch(glob) and CODE.fullmatch(code)),
        found.line_length,
        found.target if VERSION.fullmatch(found.target) else "",
        found.convention if known else "",
        tuple(sorted(FAMILIES[name] for name in options if name not in known)),
    )


def _matching(pattern: re.Pattern[str], given: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for one in given if pattern.fullmatch(one)))

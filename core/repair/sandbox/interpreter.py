"""The interpreter on which code runs, with its packages: the platform's own, or a service's environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SAFE_PATH = (3, 11)  # the first version with -P, which keeps the current folder off the module path
# the effect of -P for older versions; runs before any other module is loaded
_SAFE = "import sys\nsys.path[:1] = [] if sys.path[0] == '' else sys.path[:1]\n"
# like ``python -m``, but a module of the tree cannot shadow an installed one
MODULE = """
import os, runpy, sys
name = sys.argv.pop(1)
try:
    __import__(name)
except ImportError:
    pass
sys.path[:0] = [os.getcwd(), *map(os.path.abspath, filter(None, os.environ.get("IMPORT_ROOTS", "").split(":")))]
runpy.run_module(name, run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Interpreter:
    """``python`` is its executable, ``folders`` hold it and its packages and are shown read-only in the sandbox.

    ``linters``: the interpreter with ruff and bandit, where that is not the platform's. ``root``: the root folder of
    an image in place of the machine's /usr. ``variables`` are added to the environment of what runs.
    ``roots``: the folders of the checkout, besides the current one, that the service's code is imported from.
    ``modules``: the top-level names that its packages have; None: those of the platform's packages.
    """

    python: Path
    version: tuple[int, int]
    folders: tuple[Path, ...] = ()
    linters: Interpreter | None = None
    root: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    modules: frozenset[str] | None = None
    roots: tuple[str, ...] = ("src",)

    def program(self, argv: Sequence[str]) -> list[str]:
        """The argument list with ``python`` replaced by this interpreter, and ``-P`` emulated for older versions."""
        first, *rest = map(str, argv)
        if first not in ("python", "python3"):
            return [first, *rest]
        if rest[:1] == ["-m"]:
            rest = ["-P", "-c", MODULE, *rest[1:]]
        if rest[:2] == ["-P", "-c"] and self.version < SAFE_PATH:
            rest = ["-c", f"{_SAFE}{rest[2]}", *rest[3:]]
        return [str(self.python), *rest]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables for a process on this interpreter."""
        return {**self.variables, "IMPORT_ROOTS": ":".join(self.roots)}

    @property
    def path(self) -> str:
        """The search path of programs."""
        return f"{self.python.parent}:/usr/bin:/bin"


def _platform() -> Interpreter:
    prefixes = {Path(p).resolve() for p in (sys.prefix, sys.base_prefix)} | {Path(sys.prefix)}
    return Interpreter(Path(sys.executable), sys.version_info[:2], tuple(sorted(prefixes)))


PLATFORM = _platform()

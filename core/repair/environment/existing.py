"""An environment that somebody else made: an interpreter with its packages, or the root folder of an image."""

from __future__ import annotations

import json
from pathlib import Path

from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.interpreters import OLDEST
from core.repair.sandbox.interpreter import Interpreter
from core.repair.sandbox.runner import BubblewrapRunner
from core.vendors.command import run

ASKED = (
    "import json, sys\n"
    "from importlib import util\n"
    "missing = [name for name in ('pytest', 'coverage') if not util.find_spec(name)]\n"
    "print(json.dumps([sys.version_info[:2], sorted({sys.prefix, sys.base_prefix}), missing]))"
)
PYTHONS = ("usr/local/bin/python3", "usr/bin/python3", "opt/venv/bin/python", "venv/bin/python")


def environment(path: Path):
    """The environment at a path of the policy. Raises EnvironmentFault where it cannot be used."""
    from core.repair.environment.environment import Environment

    interpreter = _of_image(path) if path.is_dir() else _of_python(path)
    return Environment(interpreter, f"Python {interpreter.version[0]}.{interpreter.version[1]} of {path}")


def _of_python(path: Path) -> Interpreter:
    try:
        done = run([str(path), "-I", "-c", ASKED], timeout=30)
        version, prefixes, missing = json.loads(done.stdout)
    except (OSError, ValueError) as error:
        raise EnvironmentFault(
            f"{path} is no Python that can be started: {error}.", "Correct environment_build."
        ) from None
    return _usable(path, Interpreter(path, tuple(version), tuple(map(Path, prefixes))), missing)


def _of_image(root: Path) -> Interpreter:
    found = next((name for name in PYTHONS if (root / name).is_symlink() or (root / name).exists()), None)
    if found is None:
        raise EnvironmentFault(f"{root} holds no Python ({', '.join(PYTHONS)}).", "Correct environment_build.")
    python = Path("/", found)
    asked = BubblewrapRunner(Interpreter(python, OLDEST, root=root)).run(["python", "-c", ASKED], root / "tmp", 30)
    try:
        version, _, missing = json.loads(asked.stdout)
    except ValueError:
        says = asked.stderr.strip()[-300:]
        raise EnvironmentFault(
            f"The Python of {root} cannot be started: {says}", "Correct environment_build."
        ) from None
    return _usable(root, Interpreter(python, tuple(version), root=root), missing)


def _usable(path: Path, interpreter: Interpreter, missing: list[str]) -> Interpreter:
    if interpreter.version < OLDEST:
        raise EnvironmentFault(f"{path} is older than Python 3.9.", "Name a newer one in environment_build.")
    if missing:
        raise EnvironmentFault(f"{path} lacks {' and '.join(missing)}.", f"Install {' '.join(missing)} there.")
    return interpreter

"""An environment that already exists: an interpreter with its packages, or the root folder of an image."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from core.repair.environment.build import JUDGING
from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.interpreters import OLDEST
from core.repair.sandbox.interpreter import Interpreter
from core.repair.sandbox.runner import BubblewrapRunner
from core.vendors.command import run

ASKED = (  # Debian installs its packages in dist-packages, which sysconfig does not report
    "import json, pkgutil, sys, sysconfig\n"
    "folders = {sysconfig.get_path('purelib'), sysconfig.get_path('platlib')}\n"
    "folders |= {path for path in sys.path if path.rstrip('/').endswith(('site-packages', 'dist-packages'))}\n"
    "names = sorted({module.name for module in pkgutil.iter_modules(folders)})\n"
    "print(json.dumps([sys.version_info[:2], sorted({sys.prefix, sys.base_prefix}), names]))"
)
PYTHONS = ("usr/local/bin/python3", "usr/bin/python3", "opt/venv/bin/python", "venv/bin/python")


def interpreter(path: Path) -> Interpreter:
    """The interpreter at a path of the policy. Raises EnvironmentFault if it cannot be used."""
    return _of_image(path) if path.is_dir() else _of_python(path)


def _of_python(path: Path) -> Interpreter:
    try:
        done = run([str(path), "-I", "-c", ASKED], timeout=30)
        version, prefixes, names = json.loads(done.stdout)
    except (OSError, ValueError) as error:
        raise EnvironmentFault(
            f"{path} cannot be started as a Python interpreter: {error}.", "Correct environment_build."
        ) from None
    return _usable(path, Interpreter(path, tuple(version), tuple(map(Path, prefixes)), modules=frozenset(names)))


def _of_image(root: Path) -> Interpreter:
    found = next((name for name in PYTHONS if (root / name).is_symlink() or (root / name).exists()), None)
    if found is None:
        raise EnvironmentFault(f"{root} contains no Python ({', '.join(PYTHONS)}).", "Correct environment_build.")
    python = Path("/", found)
    with tempfile.TemporaryDirectory(prefix="image-") as empty:
        there = BubblewrapRunner(Interpreter(python, OLDEST, root=root))
        asked = there.run(["python", "-c", ASKED], Path(empty).resolve(), 30)
    try:
        version, _, names = json.loads(asked.stdout)
    except ValueError:
        error_text = asked.stderr.strip()[-300:]
        raise EnvironmentFault(
            f"The Python of {root} cannot be started: {error_text}", "Correct environment_build."
        ) from None
    return _usable(root, Interpreter(python, tuple(version), root=root, modules=frozenset(names)))


def _usable(path: Path, interpreter: Interpreter) -> Interpreter:
    if interpreter.version < OLDEST:
        raise EnvironmentFault(f"{path} is older than Python 3.9.", "Name a newer one in environment_build.")
    if missing := [name for name in JUDGING if name not in (interpreter.modules or ())]:
        raise EnvironmentFault(f"{path} lacks {' and '.join(missing)}.", f"Install {' '.join(missing)} there.")
    return interpreter

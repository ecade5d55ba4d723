"""The environment of code without dependencies: the platform's own interpreter with pytest and coverage only.

Both are copied from the platform's own packages, so that nothing is downloaded; the platform's other packages are not
visible.
"""

from __future__ import annotations

import pkgutil
import re
import shutil
import sys
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from core.repair.environment.build import JUDGING


def distributions() -> dict[str, metadata.Distribution]:
    """pytest, coverage and their dependencies, by name."""
    found: dict[str, metadata.Distribution] = {}
    todo = list(JUDGING)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name not in found:
            found[name] = metadata.distribution(name)
            wanted = map(Requirement, found[name].requires or ())
            todo += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def versions() -> list[str]:
    return sorted(f"{name}=={one.version}" for name, one in distributions().items())


def make(folder: Path) -> list[str]:
    """Create ``folder/venv``; returns the top-level names of its modules."""
    made = folder / "venv"
    venv.EnvBuilder(symlinks=True, with_pip=False).create(made)
    packages = made / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    for one in distributions().values():
        for file in one.files or ():
            if ".." not in file.parts and not file.is_absolute() and Path(str(file.locate())).is_file():
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), packages / file)
    return sorted(module.name for module in pkgutil.iter_modules([str(packages)]))

"""An interpreter that is there, and an unpacked image, really run a service's tests and what the repairer calls."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.policy.services import Repository
from core.repair.environment.discovery import discover
from core.repair.environment.environment import Environment, Order, environment
from core.repair.environment.fault import EnvironmentFault
from core.repair.prove.proof import run_tests
from core.repair.sandbox.probe import Call, probe
from core.repair.sandbox.runner import BubblewrapRunner
from tests.environment.test_build import COMMAND, GREETING, SHOP

FILES = {"shop.py": "from greeting import hello\n", "tests/test_shop.py": SHOP["tests/test_shop.py"]}
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PROGRAMS = ("prlimit", "nice", "sh")
LEFT_OUT = shutil.ignore_patterns("site-packages", "test", "__pycache__", "idlelib", "tkinter", "config-*")


def unpacked(packages: list[tuple[str, bytes]], folder: Path) -> None:
    for _, content in packages:
        zipfile.ZipFile(io.BytesIO(content)).extractall(folder)


def venv(folder: Path, packages: list[tuple[str, bytes]]) -> Path:
    """A virtual environment as a team makes it; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    unpacked(packages, folder / "lib" / f"python{VERSION}" / "site-packages")
    return folder / "bin" / "python"


def image(root: Path, packages: list[tuple[str, bytes]]) -> Path:
    """A small system of its own: the programs of this machine, its Python in /usr/local, and their libraries."""
    base, inside = Path(sys.base_prefix), root / "usr" / "local"
    shutil.copytree(base / "lib" / f"python{VERSION}", inside / "lib" / f"python{VERSION}", ignore=LEFT_OUT)
    (inside / "bin").mkdir()
    shutil.copy2(Path(sys.executable).resolve(), inside / "bin" / "python3")
    (root / "usr" / "bin").mkdir()
    programs = [inside / "bin" / "python3", *(Path(shutil.which(name)).resolve() for name in PROGRAMS)]
    for name, program in zip(PROGRAMS, programs[1:], strict=True):
        shutil.copy2(program, root / "usr" / "bin" / name)
    for library in libraries([*programs, *inside.rglob("*.so")]):
        place = root / str(library).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(library.resolve(), place)
    (root / "bin").symlink_to("usr/bin")
    (root / "tmp").mkdir()
    unpacked(packages, inside / "lib" / f"python{VERSION}" / "site-packages")
    return root


def libraries(programs: list[Path]) -> set[Path]:
    """What the dynamic linker loads for these programs."""
    done = subprocess.run(["ldd", *programs], capture_output=True, text=True, timeout=120)
    return {Path(found) for found in re.findall(r"(/[^\s:()]+\.so[^\s:()]*) \(0x", done.stdout)}


def made(tree: Path, place: Path, tmp_path: Path) -> Environment:
    repository = Repository(remote="", environment_build=str(place))
    found = discover(tree, repository, BubblewrapRunner())
    return environment(Order("shop", repository, found, tree, tmp_path / "data", ()))


def runs(tree: Path, found: Environment) -> None:
    runner = BubblewrapRunner(found.interpreter)
    assert run_tests(tree, COMMAND, runner).results == {"tests/test_shop.py::test_hello": ""}
    (outcome,) = probe(tree, [Call("import shop", "shop.hello()")], runner)
    assert outcome.result == "str 'hello'", outcome


def test_an_interpreter_of_this_machine_runs_the_service(checkout, tmp_path, judging):
    tree = checkout(FILES)
    found = made(tree, venv(tmp_path / "venv", [GREETING, *judging]), tmp_path)
    assert "greeting" in found.interpreter.modules and "pydantic" not in found.interpreter.modules
    runs(tree, found)


def test_an_unpacked_image_runs_the_service(checkout, tmp_path, judging):
    tree = checkout(FILES)
    found = made(tree, image(tmp_path / "image", [GREETING, *judging]), tmp_path)
    assert found.interpreter.version == sys.version_info[:2]
    runs(tree, found)
    told = "import os; print(*sorted(os.listdir('/usr/bin')))"
    seen = BubblewrapRunner(found.interpreter).run(["python", "-P", "-c", told], tree)
    assert seen.stdout.split() == sorted(PROGRAMS), "nothing of this machine's own programs is there"


def test_packages_where_debian_puts_its_own_are_seen(checkout, tmp_path, judging):
    python = venv(tmp_path / "venv", [])
    packages = python.parents[1] / "lib" / f"python{VERSION}" / "dist-packages"
    unpacked([GREETING, *judging], packages)
    (packages.with_name("site-packages") / "debian.pth").write_text(f"{packages}\n")
    tree = checkout(FILES)
    runs(tree, made(tree, python, tmp_path))


@pytest.mark.parametrize(
    ("place", "says"),
    [("nowhere/python", "cannot be started as a Python interpreter"), ("bare", "lacks pytest and coverage"),
     ("empty", "contains no Python"), ("broken", "cannot be started")],
)  # fmt: skip
def test_what_is_missing_is_named(checkout, tmp_path, place, says):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken" / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "broken" / "usr" / "bin" / "python3").write_text("not a program")
    path = venv(tmp_path / "venv", []) if place == "bare" else tmp_path / place
    with pytest.raises(EnvironmentFault) as fault:
        made(checkout(FILES), path, tmp_path)
    assert says in fault.value.message and fault.value.fix

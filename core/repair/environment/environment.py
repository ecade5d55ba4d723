"""From the discovered dependencies of a checkout to the interpreter on which its code runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.policy.services import Repository
from core.repair.environment import alone, build, cache, existing, interpreters, references, room
from core.repair.environment.discovery import Discovery, digest
from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.interpreters import Installed
from core.repair.sandbox.interpreter import PLATFORM, Interpreter
from core.repair.sandbox.runner import bubblewrap_works
from core.vendors.package_index import Index

FOLDER = "environments"  # below DATA_DIR


@dataclass(frozen=True)
class Environment:
    """``message`` describes it for people, with ``notes``; ``found``: it was already in the cache.

    ``folders`` are its folders in the cache."""

    interpreter: Interpreter
    message: str
    notes: tuple[str, ...] = ()
    found: bool = True
    seconds: float = 0.0
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Order:
    """The inputs of an environment. ``tree`` is the checkout, ``data`` the platform's data folder."""

    name: str
    repository: Repository
    found: Discovery
    tree: Path
    data: Path
    indexes: tuple[Index, ...]


def environment(order: Order) -> Environment:
    """The service's environment, from the cache or newly built. Raises EnvironmentFault if it cannot be built."""
    started, asked = time.monotonic(), order.repository.environment_build
    if asked == "platform":
        return Environment(PLATFORM, f"the platform's own Python {_dotted(PLATFORM.version)}")
    if isinstance(asked, str) and asked != "auto":
        there = existing.interpreter(Path(asked))
        return Environment(there, f"Python {_dotted(there.version)} of {asked}")
    try:
        if asked == "auto" and _is_alone(order):
            made, tools, linter_notes = _alone(order), None, []
        else:
            here = _chosen(order)
            made, (tools, linter_notes) = _built(order, here), _linters_or_note(order, here)
    except TimeoutError as error:
        raise EnvironmentFault(f"{error}.", "Wait, or end that process.") from None
    description = f"Python {made.values['version']} with the service's own packages"
    seconds = round(time.monotonic() - started, 2)
    notes, linters = (*made.values["notes"], *linter_notes), _interpreter(tools) if tools else None
    folders = (made.folder, *([tools.folder] if tools else []))
    return Environment(_interpreter(made, linters), description, notes, made.found, seconds, folders)


def _is_alone(order: Order) -> bool:
    return order.found.needs.nothing and not order.found.needs.wishes and not order.repository.python


def _alone(order: Order) -> cache.Cached:
    here, packages = interpreters.platform(), alone.versions()

    def make(folder: Path) -> Mapping[str, Any]:
        return _values(here, ["the repository names no dependencies"], alone.make(folder))

    hash_ = cache.key({"python": here.python, "version": here.version, "packages": packages})
    return cache.get_or_build(order.data / FOLDER, "alone", hash_, make)


def _chosen(order: Order) -> Installed:
    own = [(order.repository.python, "platform.toml")] if order.repository.python else []
    return interpreters.choose([*own, *order.found.needs.wishes], interpreters.installed())


def _built(order: Order, here: Installed) -> cache.Cached:
    command = order.repository.environment_build

    def make(folder: Path) -> Mapping[str, Any]:
        _can_build()
        with room.opened(folder, order.tree, order.found.folder, here, order.indexes) as opened:
            own = isinstance(command, list)
            if not own:
                references.refuse(order.found.needs, here.version)
            notes = build.commanded(opened, command) if own else build.automatic(opened, order.found)
            return _values(here, notes, build.modules(opened))

    return cache.get_or_build(order.data / FOLDER, order.name, _key(order, here), make)


def _key(order: Order, here: Installed) -> str:
    needs = order.found.needs
    parts = {"repository": order.name, "build": order.repository.environment_build, "folder": order.found.folder}
    parts |= {
        "python": here.python,
        "version": here.version,
        "needs": needs.model_dump(exclude={"wishes", "elsewhere"}),
    }
    parts |= {
        "files": digest(order.tree, needs.read),
        "indexes": [one.url for one in order.indexes],
        "layout": order.found.layout.model_dump(exclude={"tests"}),
    }
    return cache.key({**parts, "uv": version("uv"), "judging": build.JUDGING})


def _can_build() -> None:
    if not bubblewrap_works():
        raise EnvironmentFault(
            "Packages run code while they are built, and this machine has no sandbox for that.",
            "Install bubblewrap, or name an interpreter in environment_build.",
        )


def _values(here: Installed, notes: list[str], modules: list[str]) -> dict[str, Any]:
    made = {"python": str(here.python), "prefix": str(here.prefix), "version": str(here.version)}
    return {**made, "notes": notes, "modules": modules}


def _interpreter(made: cache.Cached, linters: Interpreter | None = None) -> Interpreter:
    values, venv = made.values, made.folder / "venv"
    major, minor = map(int, values["version"].split(".")[:2])
    return Interpreter(
        venv / "bin" / "python",
        (major, minor),
        (venv, Path(values["prefix"])),
        linters,
        variables={"VIRTUAL_ENV": str(venv)},
        modules=frozenset(values["modules"]),
    )


def _linters_or_note(order: Order, here: Installed) -> tuple[cache.Cached | None, list[str]]:
    """The linters for the service's Python version; if the index lacks them, the platform's own and a note."""
    try:
        return _linters(order, here), []
    except EnvironmentFault as fault:
        return None, [f"the code is linted as Python {_dotted(PLATFORM.version)}: {fault.message}"]


def _linters(order: Order, here: Installed) -> cache.Cached | None:
    """ruff and bandit on the service's Python version; None if that is the platform's version."""
    if here.short == PLATFORM.version:
        return None

    def make(folder: Path) -> Mapping[str, Any]:
        _can_build()
        with (
            TemporaryDirectory(prefix="linters-") as empty,
            room.opened(folder, Path(empty), ".", here, order.indexes) as opened,
        ):
            return _values(here, build.linters(opened), [])

    parts = {"python": here.python, "version": here.version, "linters": build.LINTERS, "uv": version("uv")}
    hash_ = cache.key({**parts, "indexes": [one.url for one in order.indexes]})
    return cache.get_or_build(order.data / FOLDER, "linters", hash_, make)


def _dotted(version_: tuple[int, int]) -> str:
    return ".".join(map(str, version_))

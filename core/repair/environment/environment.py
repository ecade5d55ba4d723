"""From what a checkout says to the interpreter that its code runs on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.policy.services import Repository
from core.repair.environment import alone, build, cache, existing, interpreters, room
from core.repair.environment.discovery import Discovery, digest
from core.repair.environment.fault import EnvironmentFault
from core.repair.environment.interpreters import Installed
from core.repair.sandbox.interpreter import PLATFORM, Interpreter
from core.repair.sandbox.runner import bubblewrap_works
from core.vendors.package_index import Index

FOLDER = "environments"  # below DATA_DIR


@dataclass(frozen=True)
class Environment:
    """``says`` is what it is, ``notes`` what people should know; ``found``: it was built before."""

    interpreter: Interpreter
    says: str
    notes: tuple[str, ...] = ()
    found: bool = True
    seconds: float = 0.0


@dataclass(frozen=True)
class Order:
    """What an environment is asked for. ``tree`` is the checkout, ``data`` the platform's folder."""

    name: str
    repository: Repository
    found: Discovery
    tree: Path
    data: Path
    indexes: tuple[Index, ...]


def environment(order: Order) -> Environment:
    """The service's environment, from the cache or newly built. Raises EnvironmentFault."""
    started, asked = time.monotonic(), order.repository.environment_build
    if asked == "platform":
        return Environment(PLATFORM, f"the platform's own Python {_dotted(PLATFORM.version)}")
    if isinstance(asked, str) and asked != "auto":
        return existing.environment(Path(asked))
    try:
        made = _alone(order) if asked == "auto" and _is_alone(order) else _built(order)
    except TimeoutError as error:
        raise EnvironmentFault(f"{error}.", "Wait, or end that process.") from None
    return _described(made, time.monotonic() - started)


def _is_alone(order: Order) -> bool:
    return order.found.needs.nothing and not order.found.needs.wishes and not order.repository.python


def _alone(order: Order) -> cache.Cached:
    here, packages = interpreters.platform(), alone.versions()

    def make(folder: Path) -> Mapping[str, Any]:
        alone.make(folder)
        return _told(here, ["the repository names no dependencies"])

    hash_ = cache.key({"python": here.python, "version": here.version, "packages": packages})
    return cache.get_or_build(order.data / FOLDER, "alone", hash_, make)


def _built(order: Order) -> cache.Cached:
    wishes = [*([(order.repository.python, "platform.toml")] if order.repository.python else [])]
    here = interpreters.choose([*wishes, *order.found.needs.wishes], interpreters.installed())
    command = order.repository.environment_build

    def make(folder: Path) -> Mapping[str, Any]:
        _can_build()
        with room.opened(folder, order.tree, order.found.folder, here, order.indexes) as opened:
            notes = (
                build.commanded(opened, command) if isinstance(command, list) else build.automatic(opened, order.found)
            )
        return _told(here, notes)

    return cache.get_or_build(order.data / FOLDER, order.name, _key(order, here), make)


def _key(order: Order, here: Installed) -> str:
    needs = order.found.needs
    parts = {"repository": order.name, "build": order.repository.environment_build, "folder": order.found.folder}
    parts |= {"python": here.python, "version": here.version, "needs": needs.model_dump(exclude={"wishes"})}
    parts |= {"files": digest(order.tree, needs.read), "indexes": [one.url for one in order.indexes]}
    return cache.key({**parts, "uv": version("uv"), "judging": build.JUDGING})


def _can_build() -> None:
    if not bubblewrap_works():
        raise EnvironmentFault(
            "Packages run code when they are built, and this machine has no sandbox for it.",
            "Install bubblewrap, or name an interpreter in environment_build.",
        )


def _told(here: Installed, notes: list[str]) -> dict[str, Any]:
    return {"python": str(here.python), "prefix": str(here.prefix), "version": str(here.version), "notes": notes}


def _described(made: cache.Cached, seconds: float) -> Environment:
    told, venv = made.told, made.folder / "venv"
    short = tuple(map(int, told["version"].split(".")[:2]))
    interpreter = Interpreter(
        venv / "bin" / "python",
        (short[0], short[1]),
        (venv, Path(told["prefix"])),
        variables={"VIRTUAL_ENV": str(venv)},
    )
    says = f"Python {told['version']} with the service's own packages"
    return Environment(interpreter, says, tuple(told["notes"]), made.found, round(seconds, 2))


def _dotted(version_: tuple[int, int]) -> str:
    return ".".join(map(str, version_))

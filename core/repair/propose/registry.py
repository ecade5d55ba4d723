"""The register of templates: each names the exceptions it knows. There is no list, and order decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from core.repair.localize.locate import Place
from core.repair.propose.base import Changes

Make = Callable[[Place], Changes]


@dataclass(frozen=True)
class Template:
    """``make`` turns a place in the code into candidate texts; ``name`` is its module and function."""

    name: str
    make: Make


TEMPLATES: dict[str, dict[str, Template]] = {}  # by exception class, then by name


def template(*exceptions: str) -> Callable[[Make], Make]:
    """Register a function as a template for crashes with these exceptions (class names without their module).

    It reads the message itself and yields nothing for what it does not know. Pure: it runs and writes nothing.
    """

    def register(make: Make) -> Make:
        name = f"{make.__module__.rpartition('.')[2]}.{make.__name__}"
        for exception in exceptions:
            TEMPLATES.setdefault(exception, {})[name] = Template(name, make)
        return make

    return register


def templates_for(exception: str) -> list[Template]:
    """By name, so that neither the order of files nor that of imports decides which proposal comes first."""
    return [made for _, made in sorted(TEMPLATES.get(exception, {}).items())]


def load(package: str, folders: list[str]) -> None:
    """Import every module of the folders under the package's name, so that their templates register."""
    for module in iter_modules(folders):
        import_module(f"{package}.{module.name}")

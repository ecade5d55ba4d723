"""The registry of operators: each registers itself for its exceptions; their order has no effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from core.repair.localize.locate import Place
from core.repair.propose.base import Changes

Make = Callable[[Place], Changes]
ANY = "*"  # every exception


@dataclass(frozen=True)
class Operator:
    """``make`` turns a place in the code into changes; ``name`` is its module and function."""

    name: str
    make: Make


OPERATORS: dict[str, dict[str, Operator]] = {}  # by exception class, then by name


def operator(*exceptions: str) -> Callable[[Make], Make]:
    """Register a function as an edit operator for these exceptions (class names without their module, or ANY).

    The operator reads the message itself and yields nothing if it does not apply. Pure: it runs and writes nothing.
    """

    def register(make: Make) -> Make:
        name = f"{make.__module__.rpartition('.')[2]}.{make.__name__}"
        for exception in exceptions:
            OPERATORS.setdefault(exception, {})[name] = Operator(name, make)
        return make

    return register


def operators_for(exception: str) -> list[Operator]:
    """The operators of an exception, sorted by name, so that the order of files and imports has no effect."""
    known = OPERATORS.get(ANY, {}) | OPERATORS.get(exception, {})
    return [made for _, made in sorted(known.items())]


def load(package: str, folders: list[str]) -> None:
    """Import every module of the folders under the package's name, so that their operators register."""
    for module in iter_modules(folders):
        import_module(f"{package}.{module.name}")

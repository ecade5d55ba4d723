"""A checkout of a service, an index, and the environment that comes of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from core.policy.services import Repository
from core.repair.environment.discovery import discover
from core.repair.environment.environment import Environment, Order, environment
from core.repair.sandbox import interpreter
from core.repair.sandbox.runner import BubblewrapRunner
from core.vendors.package_index import index
from tests.environment.index import installed
from tests.real import need_sandbox


@pytest.fixture(autouse=True)
def _needs_bubblewrap():
    need_sandbox()


@pytest.fixture(scope="session")
def judging() -> list[tuple[str, bytes]]:
    return installed()


@pytest.fixture
def checkout(tmp_path) -> Callable[[Mapping[str, str]], Path]:
    def written(files: Mapping[str, str]) -> Path:
        tree = tmp_path / "tree"
        for name, text in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        return tree

    return written


@pytest.fixture
def built(tmp_path) -> Callable[..., Environment]:
    """The environment of a checkout, from an index, in one data folder."""

    def make(tree: Path, url: str, name: str = "shop", **policy) -> Environment:
        here = f"{interpreter.PLATFORM.version[0]}.{interpreter.PLATFORM.version[1]}"
        repository = Repository(remote="", **{"python": here, **policy})
        found = discover(tree, repository, BubblewrapRunner())
        return environment(Order(name, repository, found, tree, tmp_path / "data", (index(url),)))

    return make

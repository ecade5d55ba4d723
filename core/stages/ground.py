"""The ground of a service: the folder, settings and interpreter with which its code is fixed, reviewed and tested.

It always comes from the commit that is repaired, never from a change: a fix must not influence how it is judged.
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.models import Crash, Frame
from core.policy.services import Repository
from core.repair.environment import cache, imports
from core.repair.environment.discovery import discover, filled
from core.repair.environment.environment import FOLDER, Environment, Order, environment
from core.repair.environment.indexes import indexes
from core.repair.environment.servers import servers
from core.repair.sandbox import checkout
from core.repair.sandbox.runner import on
from core.repair.sandbox.servers import NONE, Servers
from core.repair.types import Runner
from core.runtime import Runtime, connected
from core.stages import workspace
from core.stages.workspace import Clone

SETTLED = {"folder", "source", "tests"}  # if the policy sets all of these, discovery is not needed
REMEMBERED = 64


@dataclass(frozen=True)
class Ground:
    """``repository`` is the policy's, with unset values filled in from the code. ``runner`` runs the service's code."""

    repository: Repository
    runner: Runner
    environment: Environment
    servers: Servers = NONE

    def within(self, root: Path) -> Path:
        """The service's folder in a checkout."""
        return root / self.repository.folder

    def path(self, name: str) -> str:
        """Convert a path relative to the service's folder into one relative to the repository."""
        return PurePosixPath(self.repository.folder, name).as_posix()

    def inner(self, name: str) -> str:
        """Convert a path of the repository into one relative to the service's folder; empty if it lies outside."""
        path, folder = PurePosixPath(name), PurePosixPath(self.repository.folder)
        return path.relative_to(folder).as_posix() if name and path.is_relative_to(folder) else ""

    def unprefixed(self, crash: Crash) -> Crash:
        """The crash, with the container prefixes of the policy removed from the paths of its frames."""
        return unprefixed(self.repository, crash)

    @property
    def usable(self) -> bool:
        """Whether its environment still exists. The call marks the environment as just used."""
        templates = (one.template.parent for one in self.servers.all if one.template)
        return all([cache.used(folder) for folder in (*self.environment.folders, *templates)])


_remembered: dict[tuple[str, ...], Ground] = {}
_lock = threading.Lock()


def ground(rt: Runtime, name: str, repository: Repository, found: Clone, sha: str, root: Path | None = None) -> Ground:
    """The ground of the commit ``sha``. ``root`` is a fresh checkout of it if the caller has one; it stays unchanged.

    Raises EnvironmentFault when the environment cannot be built.
    """
    key = (str(found.path), sha, repository.model_dump_json())
    if (known := _remembered.get(key)) and known.usable and known.runner.name == connected(rt.runner, "runner").name:
        return known
    with contextlib.nullcontext(root) if root else workspace.tree(rt, found, f"ground-{name}-{sha[:12]}", sha) as tree:
        made = prepared(rt, name, repository, tree)
    with _lock:
        _remembered.pop(key, None)  # one that cannot be used any more
        while len(_remembered) >= REMEMBERED:
            _remembered.pop(next(iter(_remembered)))
        _remembered[key] = made
    return made


def prepared(rt: Runtime, name: str, repository: Repository, root: Path) -> Ground:
    """The ground of a checkout. Raises EnvironmentFault when the environment cannot be built."""
    runner, layout = connected(rt.runner, "runner"), None
    if repository.environment_build != "platform" or not repository.model_fields_set >= SETTLED:
        layout = discover(root, repository, runner)
    made, beside = environment(_order(rt, name, repository, layout, root)), _servers(rt, repository)
    if layout and not made.found:
        checkout.start_over(root)  # the build may have written into the checkout
    settled = filled(repository, layout) if layout else repository
    interpreter = imports.settled(made.interpreter, layout) if layout else made.interpreter
    return Ground(settled, on(runner, interpreter, beside), made, beside)


def unprefixed(repository: Repository, crash: Crash) -> Crash:
    """The crash, with the container prefixes of the policy removed from the paths of its frames."""
    prefixes = [f"{prefix.rstrip('/')}/" for prefix in repository.path_prefixes if prefix.strip("/")]
    return crash.model_copy(update={"frames": tuple(_without(frame, prefixes) for frame in crash.frames)})


def _without(frame: Frame, prefixes: list[str]) -> Frame:
    prefix = next((one for one in prefixes if frame.file.startswith(one)), "")
    return frame.model_copy(update={"file": frame.file.removeprefix(prefix)}) if prefix else frame


def _servers(rt: Runtime, repository: Repository) -> Servers:
    return servers(
        {str(name): url for name, url in repository.services.items()}, rt.settings.data_dir.resolve() / FOLDER
    )


def _order(rt: Runtime, name: str, repository: Repository, layout: Any, root: Path) -> Order:
    given = rt.settings.package_index_url.get_secret_value()
    return Order(name, repository, layout, root, rt.settings.data_dir.resolve(), tuple(indexes(given)))

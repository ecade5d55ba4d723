"""The runtime of this process: settings, policy and connected vendors.

An entry point builds it once. Stages read ``current()``, so that durable steps can be called by name alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from core.policy.reader import ConfigurationError, Policy, read_policy
from core.policy.services import Repository
from core.repair.types import Fixer, Runner
from core.settings import Settings
from core.vendors.advisories import Advisories, SecurityAlerts
from core.vendors.base import Analyst, CodeHost, HealthSource, Notifier, Reviewer, Source
from core.vendors.delivery.cluster import Cluster
from core.vendors.vercel import Vercel

T = TypeVar("T")
WORKBENCH = 2  # fixes and test runs at the same time; more would only slow each other down


@dataclass
class Runtime:
    settings: Settings
    sources: Sequence[Source] = ()
    health: HealthSource | None = None
    host: CodeHost | None = None
    reviewer: Reviewer | None = None
    advisories: Advisories | None = None
    alerts: SecurityAlerts | None = None
    vercel: Vercel | None = None
    cluster: Cluster | None = None
    notifiers: Sequence[Notifier] = ()
    analysts: Sequence[Analyst] = ()  # their opinions are combined; the last one is the embedded analysis
    fixers: Sequence[Fixer] = ()
    runner: Runner | None = None
    probe: Callable[..., str] = lambda url, **_: (
        "no probe is set up"
    )  # vendors.http.probe: why it is not healthy, or ""
    policy_error: str = ""
    workbench: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(WORKBENCH))
    _policy: Policy = field(default_factory=Policy)
    _read_at: float = -1.0

    @property
    def policy(self) -> Policy:
        """The current platform.toml or, while it is invalid, the last valid one (policy_error says why)."""
        path = self.settings.platform_file
        try:
            changed = path.stat().st_mtime if path.exists() else 0.0
            if changed != self._read_at:
                self._policy, self._read_at = read_policy(path), changed
            self.policy_error = ""  # also if the last valid file came back with its old time
        except (ConfigurationError, OSError) as error:
            self.policy_error = str(error)
        return self._policy

    def repository_of(self, service: str) -> tuple[str, Repository]:
        """(name, repository) of a service. Raises ConfigurationError for an unknown one."""
        policy = self.policy
        if service not in policy.services:
            raise ConfigurationError(f"service {service!r} is not named in {self.settings.platform_file}")
        name = policy.services[service].repository
        return name, policy.repositories[name]


def connected(part: T | None, what: str) -> T:
    """The runtime's ``part``, e.g. its code host. Raises ConfigurationError where none is connected."""
    if part is None:
        raise ConfigurationError(f"no {what} is connected")
    return part


_current: Runtime | None = None


def use(runtime: Runtime) -> Runtime:
    global _current
    _current = runtime
    return runtime


def current() -> Runtime:
    if _current is None:
        raise RuntimeError("no runtime: an entry point calls runtime.use() first")
    return _current

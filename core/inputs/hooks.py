"""The readers of webhooks: each turns a vendor's payload into records.

A record has the same identity as in the vendor's API, so that an event that arrives both by webhook and in a
collection cycle is one signal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.models import Record
from core.models.inputs import Payload
from core.policy.reader import Policy
from core.vendors.values import mapping, text

__all__ = ["HookContext", "Reader", "mapping", "text"]


@dataclass(frozen=True)
class HookContext:
    """What a reader knows besides the payload. ``polled``: the vendor's API is also connected and polled."""

    policy: Policy
    redact: Callable[[str], str]
    polled: bool = False

    def service_of_repository(self, github: str) -> str:
        """The one service of a GitHub repository; empty if there are several or none."""
        return self._only(lambda repository: repository.github.lower() == github.lower())

    def service_of_project(self, project: str) -> str:
        """The one service of a Vercel project; empty if there are several or none."""
        return self._only(lambda repository: repository.vercel_project == project)

    def _only(self, fits: Callable[[Any], bool]) -> str:
        named = {name for name, repository in self.policy.repositories.items() if fits(repository)}
        found = [name for name, service in self.policy.services.items() if service.repository in named]
        return found[0] if len(found) == 1 else ""


Reader = Callable[[Payload, HookContext], list[Record]]

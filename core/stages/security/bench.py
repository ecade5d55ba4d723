"""What the fix of a security finding is made on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.policy.sections import FixRules
from core.repair.prove.proof import Tests, run_tests
from core.runtime import Runtime
from core.stages.ground import Ground


@dataclass(frozen=True)
class SecurityBench:
    """What a fix is made on: the service's folder in a clean checkout, and the ground of its commit."""

    rt: Runtime
    issue_id: int
    name: str  # of the repository
    code: Ground
    root: Path
    rules: FixRules
    allowed: list[str]
    forbidden: list[str]  # by the services themselves, in addition to the policy's list

    @property
    def tree(self) -> Path:
        return self.code.within(self.root)

    def tests(self, ground: Ground, only: tuple[str, ...] = ()) -> Tests:
        repository = ground.repository
        return run_tests(
            self.tree, repository.test_command, ground.runner, only, self.rules.tests_seconds, repository.source
        )

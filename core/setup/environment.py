"""The step "environment": the service's interpreter and packages, found by itself and built."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.policy.services import Repository
from core.runtime import Runtime
from core.setup.jobs import Tell
from core.setup.results import SetupFinding
from core.stages import readiness, workspace
from core.stages.ground import ground

FOUND = ("folder", "source", "tests", "test_command")  # keys that a confirmation writes as they were found


def build(rt: Runtime, service: str, tell: Tell) -> SetupFinding:
    """Build the environment of the newest commit. Raises EnvironmentFault with the real error."""
    name, repository = rt.repository_of(service)
    tell("Fetching the repository")
    found = workspace.clone(rt, name, repository)
    sha = found.head(f"refs/remotes/origin/{repository.branch}")
    tell("Reading its manifests, and installing what they name")
    made = ground(rt, name, repository, found, sha)
    return SetupFinding(True, f"{made.environment.says}, at commit {sha[:10]}.", facts=(
        *facts(made.repository), *(("Note", note) for note in made.environment.notes),
    ))  # fmt: skip


def examine(rt: Runtime, service: str, tell: Tell) -> SetupFinding:
    """Everything that a fix of the service needs, tried for real, as ``doctor --repository`` does."""
    name, _ = rt.repository_of(service)
    steps: list[readiness.ReadinessStep] = []
    for step in readiness.examine(rt, name):
        steps.append(step)
        tell(f"{step.what}: {step.state}")
    faults = [step for step in steps if step.state == readiness.FAULT]
    says = f"Faults: {', '.join(step.what for step in faults)}." if faults else "No step failed."
    fix = "; ".join(f"{step.what}: {step.fix}" for step in faults if step.fix)
    return SetupFinding(not faults, says, fix, facts=tuple((s.what, f"{s.state}: {s.says}"[:600]) for s in steps))


def facts(repository: Repository) -> tuple[tuple[str, str], ...]:
    return (
        ("Folder", repository.folder),
        ("Source", ", ".join(repository.source)),
        ("Tests", repository.tests),
        ("Test command", " ".join(repository.test_command)),
    )


def confirmed(rt: Runtime, service: str) -> Mapping[tuple[str, ...], Any]:
    """What platform.toml gets once a person has confirmed what was found."""
    name, repository = rt.repository_of(service)
    found = workspace.known(rt, name, repository)
    made = ground(rt, name, repository, found, found.head(f"refs/remotes/origin/{repository.branch}"))
    values = {key: getattr(made.repository, key) for key in FOUND}
    return {
        **{("repositories", name, key): value for key, value in values.items()},
        ("repositories", name, "environment_build"): repository.environment_build,
    }

"""The step "environment": discovers and builds the service's interpreter and packages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.models.counted import counted
from core.policy.services import Repository
from core.runtime import Runtime
from core.setup.jobs import Tell
from core.setup.results import SetupFinding
from core.stages import readiness, workspace
from core.stages.ground import ground

FOUND = ("folder", "source", "tests", "test_command")  # discovered values that a confirmation writes


def build(rt: Runtime, service: str, tell: Tell) -> SetupFinding:
    """Build the environment of the newest commit. Raises EnvironmentFault with the original error."""
    name, repository = rt.repository_of(service)
    tell("Fetching the repository")
    found = workspace.clone(rt, name, repository)
    sha = found.head(f"refs/remotes/origin/{repository.branch}")
    tell("Reading its manifests and installing their packages")
    made = ground(rt, name, repository, found, sha)
    return SetupFinding(True, f"{made.environment.message}, at commit {sha[:10]}.", facts=(
        *facts(made.repository), *(("Note", note) for note in made.environment.notes),
    ))  # fmt: skip


def examine(rt: Runtime, service: str, tell: Tell) -> SetupFinding:
    """Really try everything that a fix of the service needs, as ``doctor --repository`` does."""
    name, _ = rt.repository_of(service)
    steps: list[readiness.ReadinessStep] = []
    for step in readiness.examine(rt, name):
        steps.append(step)
        tell(f"{step.what}: {step.state}")
    faults = [step for step in steps if step.state == readiness.FAULT]
    good = sum(step.state == readiness.OK for step in steps)
    summary = (
        f"{good} of {counted(len(steps), 'step')} work; {len(faults)} failed; the others were not tried or are unsure."
    )
    fix = "; ".join(f"{step.what}: {step.fix}" for step in faults if step.fix)
    return SetupFinding(not faults, summary, fix, facts=tuple((s.what, f"{s.state}: {s.message}"[:600]) for s in steps))


def facts(repository: Repository) -> tuple[tuple[str, str], ...]:
    return (
        ("Folder", repository.folder),
        ("Source", ", ".join(repository.source)),
        ("Tests", repository.tests),
        ("Test command", " ".join(repository.test_command)),
    )


def confirmed(rt: Runtime, service: str) -> Mapping[tuple[str, ...], Any]:
    """The values for platform.toml, once a person has confirmed what was discovered."""
    name, repository = rt.repository_of(service)
    found = workspace.known(rt, name, repository)
    made = ground(rt, name, repository, found, found.head(f"refs/remotes/origin/{repository.branch}"))
    values = {key: getattr(made.repository, key) for key in FOUND}
    return {
        **{("repositories", name, key): value for key, value in values.items()},
        ("repositories", name, "environment_build"): repository.environment_build,
    }

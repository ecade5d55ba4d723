"""The step "delivery": the way to production, with what each way has to know."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from core.policy.services import Repository
from core.runtime import Runtime
from core.setup.jobs import Tell
from core.setup.results import SetupFinding, closest
from core.stages import workspace
from core.stages.deliver import ways
from core.vendors.command import CommandError

WORKFLOWS = ".github/workflows/"
NOT_HERE = (
    "The platform runs deployment commands as its own user, outside of its sandbox. So they are not tried or changed "
    "here: whoever changes them has to be able to change platform.toml itself."
)


@dataclass(frozen=True)
class WayField:
    """A key below ``[repositories.NAME]``. ``words``: a command line, which is stored as a list."""

    key: str
    label: str
    help: str = ""
    words: bool = False


GITHUB = WayField("github", "GitHub repository", "OWNER/NAME; the pull request is opened there")
WAYS: Mapping[str, tuple[str, tuple[WayField, ...]]] = {
    "pull_request": ("The platform opens a pull request. A person merges it, your pipeline releases it.", (GITHUB,)),
    "github_actions": ("The platform starts a workflow, and follows it.", (
        GITHUB, WayField("github_actions.workflow", "Workflow file", "e.g. deploy.yml; empty: a repository deployment"),
        WayField("github_actions.environment", "Environment", "as GitHub names it, e.g. production"),
    )),
    "commands": ("The platform runs your commands, without a shell, with SHA and key in their environment.", (
        WayField("commands.deploy", "Command to deploy", words=True),
        WayField("commands.status", "Command for the status", words=True),
        WayField("commands.rollback", "Command to roll back", words=True),
    )),
    "vercel": ("The platform promotes a Vercel deployment.", (
        WayField("vercel_project", "Vercel project", "its token is the variable VERCEL_TOKEN"),
    )),
    "kubernetes": ("The platform sets the image of a Deployment.", (
        WayField("kubernetes.namespace", "Namespace"), WayField("kubernetes.deployment", "Deployment"),
        WayField("kubernetes.image", "Image", "with {sha}, e.g. registry.example/shop:{sha}"),
    )),
}  # fmt: skip


def present(repository: Repository, field: WayField) -> str:
    """What the policy has for a field, as the form shows it."""
    found: Any = repository
    for name in field.key.split("."):
        found = getattr(found, name)
    return shlex.join(found) if field.words else str(found)


def values(way: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The form as keys of the repository. Raises ValueError for a command line that cannot be split."""
    told: dict[str, Any] = {"delivery": way}
    for field in WAYS[way][1]:
        text = given.get(field.key, "").strip()
        if text:
            told[field.key] = _words(field, text) if field.words else text
    return told


def _words(field: WayField, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{field.label}: {error}") from None


def candidate(repository: Repository, told: Mapping[str, Any]) -> Repository:
    """The repository with these keys. Raises ValueError that names the wrong key."""
    dumped = repository.model_dump(exclude_unset=True)
    for key, value in told.items():
        *tables, name = key.split(".")
        place = dumped
        for table in tables:
            place = place.setdefault(table, {})
        place[name] = value
    try:
        return Repository.model_validate(dumped)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, one['loc']))} {one['msg']}" for one in error.errors())
        raise ValueError("; ".join(fault.replace("Value error, ", "").strip() for fault in faults)) from None


def check(rt: Runtime, service: str, told: Mapping[str, Any], tell: Tell) -> SetupFinding:
    """Ask the way itself whether it would work."""
    name, repository = rt.repository_of(service)
    wanted = candidate(repository, told)
    if wanted.way == "commands" and wanted.commands != repository.commands:
        return SetupFinding(False, NOT_HERE, f"Write into platform.toml: {_as_text(name, wanted)}")
    if found := _missing_workflow(rt, name, wanted):
        return found
    if wanted.way not in ways.WAYS:
        return SetupFinding(False, f"This release has no {wanted.way} yet.", "Choose another way.")
    tell(f"Asking {wanted.way.replace('_', ' ')}")
    answer = ways.WAYS[wanted.way](rt, name, wanted).check()
    return SetupFinding(answer.ok, answer.says, answer.fix)


def _as_text(name: str, wanted: Repository) -> str:
    """The commands as lines of platform.toml."""
    rules = wanted.commands
    lines = (f"{key} = {json.dumps(getattr(rules, key))}" for key in ("deploy", "status", "rollback"))
    return f"[repositories.{name}.commands] {', '.join(lines)}"


def _missing_workflow(rt: Runtime, name: str, wanted: Repository) -> SetupFinding | None:
    """A workflow file that the branch does not have, with those that it has."""
    workflow = wanted.github_actions.workflow if wanted.way == "github_actions" else ""
    if not workflow:
        return None
    try:
        files = workspace.known(rt, name, wanted).files(f"refs/remotes/origin/{wanted.branch}")
    except CommandError:
        return None  # not fetched yet: GitHub itself is asked
    there = [path.removeprefix(WORKFLOWS) for path in files if path.startswith(WORKFLOWS)]
    if workflow in there:
        return None
    says = f"The branch {wanted.branch!r} has no file {WORKFLOWS}{workflow}."
    fix = "Choose a workflow that exists." if there else "Push a workflow file first."
    return SetupFinding(False, says, fix, "github_actions.workflow", closest(workflow, there))

"""The step "delivery": the way to production, and the settings that each way needs."""

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
    "The platform runs deployment commands as its own user, outside of its sandbox. So they cannot be tested or "
    "changed here, but only by editing platform.toml itself."
)


@dataclass(frozen=True)
class WayField:
    """A form field for a key of ``[repositories.NAME]``. ``words``: a command line, which is stored as a list."""

    key: str
    label: str
    help: str = ""
    words: bool = False


GITHUB = WayField("github", "GitHub repository", "OWNER/NAME; the pull request is opened there")
WAYS: Mapping[str, tuple[str, tuple[WayField, ...]]] = {
    "pull_request": ("The platform opens a pull request. A person merges it; your pipeline releases it.", (GITHUB,)),
    "github_actions": ("The platform starts a workflow and follows it.", (
        GITHUB, WayField("github_actions.workflow", "Workflow file", "e.g. deploy.yml; empty: repository deployment"),
        WayField("github_actions.environment", "Environment", "the name in GitHub, e.g. production"),
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
    """The policy's value of a field, as the form shows it."""
    found: Any = repository
    for name in field.key.split("."):
        found = getattr(found, name)
    return shlex.join(found) if field.words else str(found)


def values(way: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The form's values by key of the repository. Raises ValueError for a command line that cannot be split."""
    fields: dict[str, Any] = {"delivery": way}
    for field in WAYS[way][1]:
        text = given.get(field.key, "").strip()
        if text:
            fields[field.key] = _words(field, text) if field.words else text
    return fields


def _words(field: WayField, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{field.label}: {error}") from None


def candidate(repository: Repository, fields: Mapping[str, Any]) -> Repository:
    """The repository with these values. Raises ValueError that names the wrong key."""
    dumped = repository.model_dump(exclude_unset=True)
    for key, value in fields.items():
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


def check(rt: Runtime, service: str, fields: Mapping[str, Any], tell: Tell) -> SetupFinding:
    """Check with the vendor whether the way to production would work."""
    name, repository = rt.repository_of(service)
    wanted = candidate(repository, fields)
    if wanted.way == "commands" and wanted.commands != repository.commands:
        return SetupFinding(False, NOT_HERE, f"Write into platform.toml: {_as_text(name, wanted)}")
    if found := _missing_workflow(rt, name, wanted):
        return found
    if wanted.way not in ways.WAYS:
        return SetupFinding(False, f"This release has no {wanted.way} yet.", "Choose another way.")
    tell(f"Checking {wanted.way.replace('_', ' ')}")
    answer = ways.WAYS[wanted.way](rt, name, wanted).check()
    return SetupFinding(answer.ok, answer.message, answer.fix)


def _as_text(name: str, wanted: Repository) -> str:
    """The commands as lines of platform.toml."""
    rules = wanted.commands
    lines = (f"{key} = {json.dumps(getattr(rules, key))}" for key in ("deploy", "status", "rollback"))
    return f"[repositories.{name}.commands] {', '.join(lines)}"


def _missing_workflow(rt: Runtime, name: str, wanted: Repository) -> SetupFinding | None:
    """A fault if the branch does not have the workflow file, with those that it has; else None."""
    workflow = wanted.github_actions.workflow if wanted.way == "github_actions" else ""
    if not workflow:
        return None
    try:
        files = workspace.known(rt, name, wanted).files(f"refs/remotes/origin/{wanted.branch}")
    except CommandError:
        return None  # not fetched yet: GitHub checks the workflow
    there = [path.removeprefix(WORKFLOWS) for path in files if path.startswith(WORKFLOWS)]
    if workflow in there:
        return None
    message = f"The branch {wanted.branch!r} has no file {WORKFLOWS}{workflow}."
    fix = "Choose a workflow that exists." if there else "Push a workflow file first."
    return SetupFinding(False, message, fix, "github_actions.workflow", closest(workflow, there))

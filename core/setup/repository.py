"""The step "repository": remote, branch and folder, checked by listing what exists there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import ValidationError

from core.models.counted import counted
from core.policy.reader import Policy
from core.policy.services import Repository
from core.runtime import Runtime
from core.setup.jobs import Tell
from core.setup.results import SetupFinding, closest
from core.stages import workspace
from core.stages.workspace import Clone
from core.vendors.command import CommandError
from core.vendors.redact import Redactor

MANIFESTS = ("pyproject.toml", "requirements.txt", "setup.cfg", "setup.py", "Pipfile", "uv.lock", "poetry.lock")
GITHUB = re.compile(r"(?:https://github\.com/|git@github\.com:)([^/]+/[^/]+?)(?:\.git)?/?")
WAYS_OUT = (  # (pattern of git's error, fix); the first match applies
    (r"could not read username|authentication failed|terminal prompts disabled|403|401",
     "The remote needs authentication. Set GITHUB_TOKEN above, or an ssh remote with a key of the platform's account."),
    (r"permission denied|publickey|host key verification",
     "ssh was refused. Give the platform's account a key with read access, and accept the host's key once by hand."),
    (r"not found|does not exist|no such file|not appear to be a git",
     "No repository at this address, or the token has no access to it. Check the address."),
    (r"could not resolve|connection refused|timed out|ran out of time|unreachable|network",
     "The host cannot be reached from here. Check its name, the proxy and the firewall."),
    (r"certificate|ssl", "This machine does not trust the certificate of the host."),
)  # fmt: skip


@dataclass(frozen=True)
class RepositoryAnswers:
    """The values of the form. ``service`` is the service's name in monitoring."""

    service: str
    name: str
    remote: str
    branch: str = "main"
    folder: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """The keys of ``[repositories.NAME]``; an empty one is discovered or gets its default."""
        found = GITHUB.fullmatch(self.remote)
        fields = {"remote": self.remote, "branch": self.branch, "folder": self.folder}
        fields["github"] = found[1] if found else ""
        return {key: value for key, value in fields.items() if value}

    @property
    def changes(self) -> Mapping[tuple[str, ...], Any]:
        """The changes to platform.toml."""
        found: dict[tuple[str, ...], Any] = {("repositories", self.name, key): v for key, v in self.values.items()}
        return {**found, ("services", self.service, "repository"): self.name}


def read(answers: RepositoryAnswers) -> Repository:
    """The form as a repository. Raises ValueError with a message for people."""
    if not answers.service.strip():
        raise ValueError("Enter the service's name as in your monitoring.")
    if not answers.remote:
        raise ValueError("Enter the remote: the address from which you clone.")
    try:
        policy = Policy.model_validate({
            "repositories": {answers.name: answers.values}, "services": {answers.service: {"repository": answers.name}},
        })  # fmt: skip
    except ValidationError as error:
        raise ValueError("; ".join(_words(one) for one in error.errors())) from None
    return policy.repositories[answers.name]


def _words(error: Mapping[str, Any]) -> str:
    named = [str(part) for part in error["loc"] if part not in ("repositories", "services", "[key]")]
    return f"{named[-1] if named else 'The form'}: {error['msg'].removeprefix('Value error, ')}"


def check(rt: Runtime, answers: RepositoryAnswers, tell: Tell) -> SetupFinding:
    """Check that the remote has the branch, and the branch the folder, with Python code in it."""
    repository = read(answers)
    tell("Listing the branches of the remote")
    found = workspace.known(rt, answers.name, repository)
    try:
        branches = found.branches()
    except CommandError as error:
        return _unreachable(str(error))
    if not branches:
        return SetupFinding(False, "The repository has no branch yet.", "Push a first commit.")
    if repository.branch not in branches:
        return SetupFinding(False, f"The repository has no branch {repository.branch!r}.", "Choose one that exists.",
                          "branch", closest(repository.branch, branches))  # fmt: skip
    tell(f"Fetching {repository.branch}")
    workspace.clone(rt, answers.name, repository)
    return check_files(found, repository)


def _unreachable(error: str) -> SetupFinding:
    message = Redactor()(error)
    way = next((fix for pattern, fix in WAYS_OUT if re.search(pattern, message, re.IGNORECASE)), "Check the address.")
    return SetupFinding(False, f"The remote cannot be read: {message[-400:]}", way)


def check_files(found: Clone, repository: Repository) -> SetupFinding:
    """Check the folder on the fetched branch."""
    files = found.files(f"refs/remotes/origin/{repository.branch}")
    folder = PurePosixPath(repository.folder)
    inside = [path for path in map(PurePosixPath, files) if path.is_relative_to(folder)]
    homes = sorted({path.parent.as_posix() for path in map(PurePosixPath, files) if path.name in MANIFESTS})
    if repository.folder in files:
        return SetupFinding(False, f"{repository.folder!r} is a file.", "Enter the folder that contains it.",
                          "folder", (folder.parent.as_posix(),))  # fmt: skip
    if not inside:
        return SetupFinding(False, f"The branch {repository.branch!r} has no folder {repository.folder!r}.",
                          "Choose a folder that exists.",
                          "folder", closest(repository.folder, homes or _folders(files)))  # fmt: skip
    if not any(path.suffix == ".py" for path in inside):
        return SetupFinding(False, f"There is no Python file in {repository.folder!r}. The platform repairs Python.",
                          "Choose another folder or branch.", "folder", closest(repository.folder, homes))  # fmt: skip
    facts = (("Folder", repository.folder), ("Dependencies from", _manifests(inside, folder)))
    return SetupFinding(True, f"{repository.branch!r} is there, with {counted(len(inside), 'file')}.", facts=facts)


def _manifests(files: list[PurePosixPath], folder: PurePosixPath) -> str:
    own = [path.name for path in files if path.parent == folder and path.name in MANIFESTS]
    return ", ".join(own) or "no manifest in this folder"


def _folders(files: list[str]) -> list[str]:
    return sorted({PurePosixPath(path).parts[0] for path in files if "/" in path})

"""Addresses of a repository's files at one commit on its code host. Pure: nothing is asked there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote

from core.models import Frame
from core.policy.reader import Policy
from core.policy.services import Repository
from core.signals.analysis.suspects import commit_of

PUBLIC = "https://api.github.com"
ENTERPRISE = "/api/v3"


def site(api: str) -> str:
    """The address of the code host's pages; empty if it does not follow from the address of its API."""
    if api.rstrip("/") == PUBLIC:
        return "https://github.com"
    return api.rstrip("/").removesuffix(ENTERPRISE) if api.rstrip("/").endswith(ENTERPRISE) else ""


@dataclass(frozen=True)
class CodeLinks:
    """``base`` is the address of the repository's pages, ``sha`` the commit that failed."""

    base: str
    sha: str
    repository: Repository

    @property
    def commit(self) -> str:
        return f"{self.base}/commit/{self.sha}"

    def line(self, frame: Frame) -> str:
        """The address of the frame's line; empty for a library's frame, and for a path outside of the repository."""
        path = self._path(frame.file)
        return f"{self.base}/blob/{self.sha}/{quote(path)}#L{frame.line}" if frame.in_app and path else ""

    def _path(self, file: str) -> str:
        prefixes = [f"{one.rstrip('/')}/" for one in self.repository.path_prefixes if one.strip("/")]
        inner = file.removeprefix(next((one for one in prefixes if file.startswith(one)), ""))
        path = PurePosixPath(self.repository.folder, inner)
        return "" if not inner or inner.startswith(("/", "<")) or ".." in path.parts or ":" in inner else str(path)


def of(api: str, policy: Policy, service: str, release: str | None) -> CodeLinks | None:
    """The links for a service's release; None without a repository on a code host or without a commit."""
    known = policy.services.get(service)
    repository = policy.repositories.get(known.repository) if known else None
    base, sha = site(api), commit_of(release)
    if not (repository and repository.github and base and sha):
        return None
    return CodeLinks(f"{base}/{quote(repository.github)}", sha, repository)

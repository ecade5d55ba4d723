"""Clones and worktrees of the services' repositories, under DATA_DIR.

One bare clone a repository, guarded by a lock; each attempt gets a worktree of its own.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock

from core.runtime import Runtime
from core.settings import Repository
from core.vendors.command import CommandError, git


@dataclass(frozen=True)
class Clone:
    """The bare clone of one repository and how to reach its remote."""

    path: Path
    repository: Repository
    env: dict[str, str]

    def git(self, *args: str, **kw) -> str:
        return git(self.path, *args, env=self.env, **kw)

    def head(self, ref: str) -> str:
        return self.git("rev-parse", "--verify", f"{ref}^{{commit}}").strip()

    def contains(self, descendant: str, ancestor: str) -> bool:
        try:
            self.git("merge-base", "--is-ancestor", ancestor, descendant)
        except CommandError:
            return False
        return True

    def diff(self, base: str, head: str) -> str:
        return self.git("diff", "--no-ext-diff", "--no-color", base, head)

    def patch_hash(self, base: str, head: str) -> str:
        """Hash of the change itself: line numbers and the commits around it do not matter (git patch-id)."""
        return self.git("patch-id", "--stable", input=self.diff(base, head)).split(" ")[0]

    def push(self, sha: str, branch: str) -> None:
        """Set the remote branch to ``sha``; the branch is ours alone, so its older attempt is replaced."""
        self.git("push", "--force", "origin", f"{sha}:refs/heads/{branch}", timeout=120)


def clone(rt: Runtime, name: str, repository: Repository) -> Clone:
    """The up-to-date clone. Raises CommandError when the remote cannot be reached."""
    path = rt.settings.data_dir.resolve() / "repositories" / f"{name}.git"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = Clone(path, repository, _sign_in(rt, repository.remote))
    with FileLock(f"{path}.lock"):
        if not (path / "HEAD").exists():
            shutil.rmtree(path, ignore_errors=True)
            git(
                path.parent,
                "clone",
                "--quiet",
                "--bare",
                repository.remote,
                path.name,
                env=found.env,
                timeout=300,
            )
            found.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
        found.git("remote", "set-url", "origin", repository.remote)
        found.git("fetch", "--quiet", "--prune", "origin", timeout=300)
    return found


def base_of(rt: Runtime, found: Clone) -> str:
    """The commit to repair: what production runs, when that is known; else the head of the main branch."""
    main = found.head(f"origin/{found.repository.branch}")
    if not (rt.deployer and found.repository.vercel_project):
        return main
    live = rt.deployer.production(found.repository.vercel_project)
    try:
        return found.head(live.sha) if live and live.sha else main
    except CommandError:
        return main


@contextmanager
def tree(rt: Runtime, found: Clone, label: str, sha: str) -> Iterator[Path]:
    """A fresh worktree at ``sha``; it is removed afterwards, and a killed one's remains are cleared first."""
    path = rt.settings.data_dir.resolve() / "worktrees" / label
    _remove(found, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{found.path}.lock"):
        found.git("worktree", "add", "--quiet", "--detach", str(path), sha)
    try:
        yield path
    finally:
        _remove(found, path)


def _remove(found: Clone, path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with FileLock(f"{found.path}.lock"):
        found.git("worktree", "prune")


def commit(path: Path, message: str) -> str:
    """Commit all of the worktree; returns the commit."""
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--no-verify", "--message", message)
    return git(path, "rev-parse", "HEAD").strip()


def _sign_in(rt: Runtime, remote: str) -> dict[str, str]:
    """The token as a header in git's environment: never in an address, an argument or a file."""
    token = rt.settings.github_token.get_secret_value()
    parts = urlsplit(remote)
    if parts.scheme != "https" or not token:
        return {}
    value = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.https://{parts.netloc}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {value}",
    }

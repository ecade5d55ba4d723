"""A clean export of a commit, in which a team's own commands run (core/vendors/delivery/commands.py)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.policy.services import Repository
from core.repair.sandbox import checkout
from core.runtime import Runtime
from core.stages import workspace
from core.stages.workspace import Clone

OLD = 2 * 86_400  # seconds after which the export of a process that was killed is removed: no command runs so long


@contextmanager
def of(rt: Runtime, name: str, repository: Repository, sha: str) -> Iterator[Path]:
    """A folder with the files of a commit (by default the head of the main branch) and without a git directory."""
    found = workspace.known(rt, name, repository)
    commit = _commit(found, sha)
    prefix = f"deploy-{name}-"
    _clear(rt.settings.data_dir.resolve() / "worktrees", prefix)
    with workspace.tree(rt, found, f"{prefix}{uuid.uuid4().hex[:12]}", commit) as folder:
        (folder / ".git").unlink(missing_ok=True)
        yield folder


def _commit(found: Clone, sha: str) -> str:
    """The full hash of the commit; the remote is contacted only if the clone does not have it."""
    wanted = sha or f"refs/remotes/origin/{found.repository.branch}"
    if not found.commits(wanted)[0]:
        with found.lock:
            found.fetch()
    return found.head(wanted)


def _clear(folder: Path, prefix: str) -> None:
    """Remove exports left by killed processes."""
    for path in folder.glob(f"{prefix}*"):
        if time.time() - path.stat().st_mtime > OLD:
            checkout.remove(path)

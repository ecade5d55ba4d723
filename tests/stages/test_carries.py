"""Whether a commit contains a change: as an ancestor, or as a commit with the same patch."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.policy.services import Repository
from core.stages.workspace import Clone
from core.vendors.command import git


@pytest.fixture
def team(tmp_path) -> Path:
    folder = tmp_path / "team"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def commit(team: Path, name: str, text: str) -> str:
    (team / name).write_text(text)
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", name)
    return git(team, "rev-parse", "HEAD").strip()


def test_a_change_is_contained_by_its_patch_or_its_commit(team):
    base = commit(team, "shop.py", "old\n")
    fix = commit(team, "shop.py", "new\n")
    after = commit(team, "notes.txt", "after it\n")
    git(team, "checkout", "--quiet", "--detach", base)
    without = commit(team, "notes.txt", "without it\n")
    git(team, "cherry-pick", "--allow-empty", fix)
    picked = git(team, "rev-parse", "HEAD").strip()
    git(team, "checkout", "--quiet", "--detach", base)
    other = commit(team, "shop.py", "another cure\n")
    git(team.parent, "clone", "--quiet", "--bare", "--no-local", "team", "clone.git")
    for sha in (after, without, picked, other):
        git(team.parent / "clone.git", "fetch", "--quiet", str(team), sha)
    clone = Clone(team.parent / "clone.git", Repository(remote=str(team)), {})
    held = {"the fix": fix, "after": after, "without": without, "picked": picked, "base": base, "other": other}
    found = {name for name, sha in held.items() if clone.carries(sha, fix)}
    assert found == {"the fix", "after", "picked"}

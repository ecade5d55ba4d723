"""Whether a commit contains a change: as an ancestor, or as a commit with the same patch."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.policy.services import Repository
from core.stages import workspace
from core.stages.workspace import Clone
from core.vendors.command import CommandError, git


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


def test_only_gits_own_no_means_that_a_commit_is_not_contained(team, monkeypatch):
    base, fix = commit(team, "shop.py", "old\n"), commit(team, "shop.py", "new\n")
    git(team.parent, "clone", "--quiet", "--bare", "--no-local", "team", "clone.git")
    clone = Clone(team.parent / "clone.git", Repository(remote=str(team)), {})
    assert clone.contains(fix, base) and clone.contains(fix, fix)
    assert not clone.contains(base, fix) and not clone.contains(fix, "f" * 40) and not clone.contains("f" * 40, fix)
    plain = workspace.checkout.git

    def broken(place, *args, **more):
        if args[0] in ("merge-base", "rev-list"):
            raise CommandError("git ran out of time")
        return plain(place, *args, **more)

    monkeypatch.setattr(workspace.checkout, "git", broken)
    with pytest.raises(CommandError, match="ran out of time"):
        clone.contains(base, fix)

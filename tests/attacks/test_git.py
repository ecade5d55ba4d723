"""git is led astray: by the settings of a clone, by what sandboxed code leaves in a tree, by names that are options."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from core.models import ChangeSet
from core.policy.services import Repository
from core.repair.fixers.cline_fixer import left_behind
from core.repair.sandbox import checkout
from core.stages import workspace
from core.stages.deliver import live
from core.stages.review import runtime_gates
from core.vendors import git_settings
from core.vendors.command import CommandError, git
from tests.attacks.repository import GIT_CONFIG
from tests.real import need
from tests.stories.world import FIXED, PlainRunner, World


@pytest.fixture
def w(tmp_path) -> World:
    need("bwrap")
    (tmp_path / "canary").mkdir()
    return World(tmp_path)


def canaries(w: World) -> list[str]:
    return sorted(path.name for path in (w.folder / "canary").iterdir())


def opened(w: World) -> workspace.Clone:
    return workspace.clone(w.rt, "shop", w.rt.policy.repositories["shop"])


def evil(w: World) -> str:
    """A configuration in which each of git's programs leaves a canary."""
    told = GIT_CONFIG.format(canary=w.folder / "canary" / "clone")
    return told + "".join(f"[alias]\n\t{name} = !touch {w.folder}/canary/alias\n" for name in ("fetch", "diff"))


def tampered(w: World, found: workspace.Clone) -> None:
    """What an earlier hole might have left in the clone: settings, hooks, attributes, another store of objects."""
    hook = f"#!/bin/sh\ntouch {w.folder}/canary/hook\n"
    (found.path / "config").write_text(evil(w))
    for name in ("post-checkout", "reference-transaction", "post-index-change", "pre-push", "pre-auto-gc"):
        (found.path / "hooks").mkdir(exist_ok=True)
        (found.path / "hooks" / name).write_text(hook)
        (found.path / "hooks" / name).chmod(0o755)
    (found.path / "info").mkdir(exist_ok=True)
    (found.path / "info" / "attributes").write_text("* filter=evil diff=evil merge=evil\n")
    (found.path / "objects" / "info").mkdir(exist_ok=True)
    (found.path / "objects" / "info" / "alternates").write_text(f"{w.folder}/elsewhere\n")


def used(w: World, found: workspace.Clone) -> str:
    """Everything that the stages do with a clone."""
    base = live.base_of(w.rt, "shop", found)
    with workspace.tree(w.rt, found, "used", base) as tree:
        (tree / "shop.py").write_text(FIXED)
        made = found.commit("refs/changes/1-1-1", base, workspace.texts(tree, ["shop.py"]), "Fix")
        checkout.start_over(tree)
        assert checkout.tracked(tree, "*.py") == ["conftest.py", "shop.py", "tests/test_share.py"]
    found.push(made.sha, "fix/issue-1")
    found.delete("fix/issue-1", made.sha)
    return found.diff(base, made.sha)


def test_the_settings_of_a_clone_start_nothing(w):
    found = opened(w)
    tampered(w, found)
    assert "+    if not whole:" in used(w, opened(w))
    assert canaries(w) == []


def test_settings_that_come_between_two_uses_start_nothing_outside(w):
    """Nobody but git writes there; still, what is written there is walled in and its programs are off."""
    found = opened(w)
    tampered(w, found)
    (found.path / "objects" / "info" / "alternates").unlink()
    used(w, found)
    assert canaries(w) == []


PLANTED = {
    "a repository in place of the git file": ("vendored/.git", "gitdir: vendored/.git"),
    "the same in other letters": (".GIT", None),
    "a submodule with settings": ("vendored/.git", None),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_tree_cannot_lead_git_to_another_repository(name, w):
    place, link = PLANTED[name]
    found = opened(w)
    with workspace.tree(w.rt, found, "led", live.base_of(w.rt, "shop", found)) as tree:
        git(w.folder, "init", "--quiet", str(w.folder / "other"))
        (tree / place).parent.mkdir(exist_ok=True)
        (w.folder / "other" / ".git").rename(tree / place)
        (tree / place / "config").write_text(evil(w))
        if link:
            (tree / ".git").unlink()
            (tree / ".git").write_text(f"{link}\n")
        assert checkout.of(tree).common == found.path
        left_behind(tree)
        checkout.start_over(tree)
        assert not (tree / "vendored").exists() and not (tree / ".GIT").exists()
    assert canaries(w) == []


def test_ignored_files_of_an_earlier_run_are_removed(w):
    found = opened(w)
    with workspace.tree(w.rt, found, "ignored", live.base_of(w.rt, "shop", found)) as tree:
        (tree / ".gitignore").write_text("*\n")
        (tree / "sitecustomize.py").write_text("")
        checkout.start_over(tree)
        assert not (tree / "sitecustomize.py").exists()


def test_a_link_that_tests_leave_is_not_written_through(w):
    """The timing's job was written to a name that sandboxed tests could know, and turn into a link before."""
    target = w.folder / "canary" / "written"
    found = opened(w)
    with workspace.tree(w.rt, found, "timing", live.base_of(w.rt, "shop", found)) as tree:
        (tree / ".timing.json").symlink_to(target)
        asked = {"shop.py": {"old": "", "functions": ["share"]}}
        repository = Repository(remote="")
        runtime_gates.performance(tree, asked, repository, w.rt.policy.fix, PlainRunner())
    assert not target.exists()


def test_a_link_of_the_commit_is_no_source_text(w):
    team = w.folder / "team"
    (w.folder / "secret.py").write_text("TOKEN = 'x'\n")
    (team / "linked.py").symlink_to(w.folder / "secret.py")
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "A link")
    git(team, "push", "--quiet", str(w.origin), "main")
    found = opened(w)
    with workspace.tree(w.rt, found, "linked", found.head("refs/remotes/origin/main")) as tree:
        assert (tree / "linked.py").is_symlink()
        assert "linked.py" not in checkout.tracked(tree, "*.py")
        with pytest.raises(ValueError, match="not a regular file"):
            workspace.texts(tree, ["linked.py"])


NAMES = ["--output=CANARY", "--upload-pack=touch CANARY", "-OCANARY", "HEAD\n--exec=x", "main --output=CANARY"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_never_an_option(name, w):
    found, name = opened(w), name.replace("CANARY", str(w.folder / "canary" / "option"))
    assert found.commits(name) == [""]
    for work in (lambda: found.diff(name, name), lambda: found.head(name)):
        with pytest.raises(CommandError):
            work()
    assert not found.contains(name, name)
    assert canaries(w) == []


@pytest.mark.parametrize("path", ["../out.py", "/etc/out.py", ".git/config", "a/.GIT/hooks/x", 'a"\nM 100644 inline b'])
def test_a_commit_takes_no_path_out_of_the_tree(path, w):
    found = opened(w)
    with pytest.raises(ValueError, match="not a path"):
        found.commit("refs/changes/1-1-1", live.base_of(w.rt, "shop", found), {path: ("100644", "x")}, "m")


REMOTES = [
    "ext::sh -c 'touch CANARY'",
    "ext::sh://x",
    "-oProxyCommand=x",
    "git://host/x",
    "https::x",
    "--exec=x",
]


@pytest.mark.parametrize("remote", REMOTES)
def test_a_remote_is_no_program_and_no_option(remote, w):
    remote = remote.replace("CANARY", str(w.folder / "canary" / "remote"))
    with pytest.raises(ValidationError):
        Repository(remote=remote)
    told = Repository(remote="/srv/other.git").model_copy(update={"remote": remote})  # past the policy's own check
    with pytest.raises(CommandError):
        workspace.clone(w.rt, "other", told)
    assert canaries(w) == []


def test_the_ways_to_a_remote():
    ways = {"/srv/x.git": "file", "file:///srv/x": "file", "https://h/x": "https", "ssh://h/x": "ssh", "git@h:x": "ssh"}
    assert {remote: git_settings.protocol(remote) for remote in ways} == ways


@pytest.mark.parametrize("name", ["../out", "a/b", ".hidden", "/tmp/out"])
def test_a_repositorys_name_stays_in_its_folder(name, w):
    with pytest.raises(CommandError, match="not a valid repository name"):
        workspace.known(w.rt, name, w.rt.policy.repositories["shop"])


def test_a_commit_of_another_worker_is_not_taken_on_trust(w):
    """What the store says of a commit has to lead to the very same commit."""
    found = opened(w)
    base = live.base_of(w.rt, "shop", found)
    made = found.commit("refs/changes/1-1-1", base, {"shop.py": ("100644", FIXED)}, "Fix")
    forged = ChangeSet(issue_id=1, run=1, attempt=1, generator="x", base_sha=base, head_sha="1" * 40, patch=made.patch)
    for text in (made.text, made.text.replace("Fix", "Another"), ""):
        forged.commit = text
        with pytest.raises(CommandError):
            found.restore(forged)


def test_each_checkout_has_its_own_git_directory_outside_of_it(w):
    found = opened(w)
    with workspace.tree(w.rt, found, "own", live.base_of(w.rt, "shop", found)) as tree:
        assert (tree / ".git").read_text() == "" and checkout.of(tree).directory == tree.with_name("own.git")
        with pytest.raises(CommandError):
            git(tree, "status")
    assert not Path(tree).exists() and not checkout.beside(tree).exists()


def test_files_and_folders_that_are_read_only_are_put_back_too(w):
    found = opened(w)
    with workspace.tree(w.rt, found, "kept", live.base_of(w.rt, "shop", found)) as tree:
        text = (tree / "shop.py").read_text()
        (tree / "shop.py").write_text("changed\n")
        for path in (tree / "shop.py", tree / "tests" / "test_share.py", tree / "tests"):
            path.chmod(0o444 if path.is_file() else 0o555)
        checkout.start_over(tree)
        assert (tree / "shop.py").read_text() == text
        (tree / "tests").chmod(0o755)

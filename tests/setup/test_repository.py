"""The check of a repository against a real remote: what is wrong is named, and what exists is offered."""

from __future__ import annotations

import pytest

from core.setup import repository
from core.setup.repository import RepositoryAnswers


def check(runtime, remote, **more):
    return repository.check(runtime, RepositoryAnswers("orders", "orders", str(remote), **more), lambda _: None)


def test_what_is_right_is_shown_with_what_was_found(runtime, remote):
    found = check(runtime, remote, folder="services/orders")
    assert found.ok and ("Dependencies from", "pyproject.toml") in found.facts


def test_an_empty_folder_is_found_later(runtime, remote):
    assert check(runtime, remote).ok


@pytest.mark.parametrize("answers, says, field, offer", [
    ({"branch": "master"}, "no branch 'master'", "branch", "main"),
    ({"branch": "develpo"}, "no branch 'develpo'", "branch", "develop"),
    ({"folder": "service/order"}, "no folder 'service/order'", "folder", "services/orders"),
    ({"folder": "docs"}, "no Python file in 'docs'", "folder", "services/orders"),
    ({"folder": "services/orders/pyproject.toml"}, "is a file", "folder", "services/orders"),
])  # fmt: skip
def test_what_is_wrong_is_named_and_what_exists_is_offered(runtime, remote, answers, says, field, offer):
    found = check(runtime, remote, **answers)
    assert not found.ok and says in found.message and found.field == field and found.offers[0] == offer


def test_an_address_without_a_repository_is_said_to_be_that(runtime, tmp_path):
    found = check(runtime, tmp_path / "nowhere")
    assert not found.ok and "cannot be read" in found.message and "No repository at this address" in found.fix


@pytest.mark.parametrize("remote", [
    "ext::sh -c 'touch /tmp/pwned'", "--upload-pack=touch /tmp/pwned", "-oProxyCommand=x:y", "file://host/../x",
    "http://user:pw@host/x", "ssh://-oProxyCommand=x/y", "fd::17", "",
])  # fmt: skip
def test_a_remote_that_starts_a_program_is_refused_before_git_sees_it(runtime, remote, monkeypatch):
    monkeypatch.setattr(repository.workspace, "known", lambda *_: pytest.fail("git was asked"))
    with pytest.raises(ValueError, match="remote"):
        check(runtime, remote)


@pytest.mark.parametrize("more", [{"branch": "--all"}, {"folder": "../.."}, {"folder": "/etc"}])
def test_an_option_or_a_path_outside_is_refused(runtime, remote, more):
    with pytest.raises(ValueError):
        check(runtime, remote, **more)


def test_an_answer_of_git_holds_no_password(runtime, monkeypatch):
    def refuse(_self):
        raise repository.CommandError("fatal: Authentication failed for 'https://me:hunter2secret@host/x'")

    monkeypatch.setattr(repository.Clone, "branches", refuse)
    found = check(runtime, "https://host/x.git")
    assert "hunter2secret" not in found.message and "GITHUB_TOKEN" in found.fix

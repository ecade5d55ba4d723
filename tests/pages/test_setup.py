"""The Setup page: an admin lands there and is led on; nobody else can open it or act on it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from console import process
from core import bootstrap
from core.access import accounts, sessions
from core.models.access import Role
from core.settings import ROOT, env_file
from core.setup.jobs import jobs
from core.vendors import registry
from core.vendors.base import Check
from tests import screens
from tests.setup.conftest import remote  # noqa: F401 - a fixture

SECRET = "sntrys_" + "s3cret" * 8


@pytest.fixture
def new(tmp_path):
    """A console on an empty platform."""
    settings = screens.open_empty(tmp_path / "data")
    bootstrap.build(settings)
    yield settings
    jobs._jobs.clear()


def press(at, label: str):
    return next(b for b in at.button if b.label == label).click().run()


def finished(at, name: str):
    """The page after the job has ended."""
    jobs.get(name).thread.join(60)
    return at.run()


def field(at, key: str):
    return at.text_input(key=f"setup-field-{key}")


def landing(person: str) -> AppTest:
    at = AppTest.from_file(str(ROOT / "console" / "server" / "main.py"), default_timeout=60)
    at.user = {"session": sessions.digest(person)}
    return at.run()


def test_an_admin_of_an_empty_platform_lands_there_and_can_leave(new):
    at = landing("admin")
    assert at.title[0].value == "Setup"
    assert at.switch_page(str(ROOT / "pages" / "pipeline.py")).run().title[0].value != "Setup"
    assert landing("operator").title[0].value != "Setup"


@pytest.mark.parametrize("person", ["viewer", "operator", "approver"])
def test_nobody_else_opens_it(new, person):
    at = screens.visit("setup", person)
    assert "Not allowed" in screens.seen(at) and not at.text_input and not at.button


def test_an_admin_who_is_demoted_can_no_longer_act(new, remote):  # noqa: F811
    accounts.add("boss", Role.ADMIN, by="admin")
    at = screens.visit("setup")
    field(at, "service").input("orders")
    field(at, "remote").input(str(remote))
    accounts.set_role("admin", Role.OPERATOR, by="boss")
    press(at, "Check the repository")
    assert jobs.get("repository") is None and not new.platform_file.exists()


def test_a_wrong_branch_is_replaced_by_one_that_exists_and_the_service_is_saved(new, remote):  # noqa: F811
    at = screens.visit("setup")
    for key, value in {"service": "orders", "remote": str(remote), "branch": "master"}.items():
        field(at, key).input(value)
    press(at, "Check the repository")
    at = finished(at, "repository")
    assert "no branch &#x27;master&#x27;" in screens.seen(at) and not new.platform_file.exists()
    at = press(at, "Use main")
    assert field(at, "branch").value == "main"
    press(at, "Check the repository")
    at = press(finished(at, "repository"), "Save the service")
    assert "in force" in at.toast[0].value
    assert process.policy()[0].repositories["orders"].branch == "main"
    assert at.run().selectbox(key="setup-service").value == "orders"


def test_a_remote_that_starts_a_program_is_refused(new):
    at = screens.visit("setup")
    field(at, "service").input("orders")
    field(at, "remote").input("ext::sh -c 'touch /tmp/x'")
    press(at, "Check the repository")
    assert "a remote is https" in screens.seen(finished(at, "repository"))


def test_a_vendors_secret_is_asked_written_and_never_comes_back(new, monkeypatch):
    at = screens.visit("setup")
    asked = []

    def check(settings, name):
        asked.append((name, settings.github_token.get_secret_value()))
        return Check(True, f"signed in with {SECRET}")

    monkeypatch.setattr(registry, "check", check)
    field(at, "private-github_token").input(SECRET)
    press(at, "Ask github and save")
    at = finished(at, "source-github")
    assert asked == [("github", SECRET)] and SECRET in env_file(new).read_text()
    assert SECRET not in screens.seen(at) and SECRET not in str(at.main) and not field(at, "private-github_token").value
    assert process.settings().github_token.get_secret_value() == SECRET


def test_a_vendor_that_refuses_says_so_and_nothing_is_written(new, monkeypatch):
    monkeypatch.setattr(registry, "check", lambda *_: Check(False, "401 unauthorized", "Create a new token."))
    at = screens.visit("setup")
    field(at, "private-github_token").input(SECRET)
    press(at, "Ask github and save")
    at = finished(at, "source-github")
    assert "401 unauthorized" in screens.seen(at) and "Create a new token." in screens.seen(at)
    assert not env_file(new).exists()

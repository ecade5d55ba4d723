"""What the setup writes: platform.toml as a version of the policy, secrets into a file of one account."""

from __future__ import annotations

import stat

import pytest

from console import process
from core.access.rights import Actor, Forbidden, IdentityProof
from core.models.access import Role
from core.policy import versions
from core.policy.reader import read_policy
from core.settings import Settings, env_file, load
from core.setup import source, writing
from core.setup.repository import RepositoryAnswers

ANSWERS = RepositoryAnswers("orders", "orders.v2", "https://github.com/acme/orders.git", "main", "services/orders")


def test_the_first_service_makes_a_policy_with_a_version(runtime, console, admin):
    writing.policy(admin, runtime, ANSWERS.changes, "Setup")
    found = read_policy(console.platform_file)
    assert found.repositories["orders.v2"].github == "acme/orders" and "orders" in found.services
    with writing.store.read() as session:
        assert versions.count(session) == 2, "the empty one, and this"
    assert runtime.policy.services


def test_a_further_service_keeps_comments_and_order(runtime, console, admin):
    text = '# ours\nversion = 1\n[repositories.a]\nremote = "/a"  # here\n[services.a]\nrepository = "a"\n'
    console.platform_file.write_text(text + '[repositories.b]\nremote = "/b"\n')
    writing.policy(admin, runtime, ANSWERS.changes, "Setup")
    after = console.platform_file.read_text()
    assert "# ours" in after and "# here" in after
    assert set(read_services(console)) == {"a", "orders"}


def test_secrets_are_in_a_file_of_one_account_and_other_lines_stay(runtime, console, admin, monkeypatch):
    file = env_file(console)
    file.write_text("# ours\nSENTRY_ORG=acme\n")
    file.chmod(0o644)
    value = "it's a \\ secret # with = signs"
    given = {"sentry_token": value, "sentry_project": ""}
    says = writing.secrets(admin, runtime, source.with_values(runtime.settings, given), given)
    assert value not in says and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("# ours\nSENTRY_ORG=acme\n") and "SENTRY_PROJECT" not in file.read_text()
    monkeypatch.setenv("PLATFORM_FILE", str(console.platform_file))
    assert load().sentry_token.get_secret_value() == value and load().sentry_org == "acme"
    monkeypatch.setenv("SENTRY_ORG", "other")
    assert load().sentry_org == "other", "the environment goes before the file"
    with writing.store.read() as session:
        rows = session.connection().exec_driver_sql("select detail from auditrow").all()
    assert "SENTRY_TOKEN" in str(rows) and value not in str(rows)


@pytest.mark.parametrize("value", ["a${HOME}b", "two\nlines", "x\x00y"])
def test_a_value_that_would_come_back_changed_is_refused_unquoted(runtime, console, admin, value):
    with pytest.raises(ValueError, match="SLACK_TOKEN") as refusal:
        writing.secrets(admin, runtime, console, {"slack_token": value})
    assert value not in str(refusal.value) and not env_file(console).exists()


def test_a_variable_of_the_environment_is_not_written_in_vain(runtime, console, admin, monkeypatch):
    monkeypatch.setenv("SENTRY_TOKEN", "set elsewhere")
    with pytest.raises(ValueError, match="SENTRY_TOKEN is set in the environment"):
        writing.secrets(admin, runtime, console, {"sentry_token": "new"})


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.APPROVER])
def test_only_an_admin_writes(runtime, console, role):
    who = Actor(role.value, role, proof=IdentityProof.SESSION)
    forged = Actor(role.value, Role.ADMIN, proof=IdentityProof.SESSION)  # the store knows the role of today
    for actor in (who, forged):
        with pytest.raises(Forbidden):
            writing.secrets(actor, runtime, console, {"sentry_token": "x" * 40})
        with pytest.raises(Forbidden):
            writing.policy(actor, runtime, ANSWERS.changes, "Setup")
    assert not env_file(console).exists() and not read_services(console)


def read_services(console) -> dict:
    return read_policy(console.platform_file).services if console.platform_file.exists() else {}


def test_a_link_in_place_of_the_file_is_not_followed(runtime, console, admin, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("kept")
    env_file(console).symlink_to(victim)
    with pytest.raises(OSError):
        writing.secrets(admin, runtime, console, {"sentry_token": "x" * 40})
    assert victim.read_text() == "kept"


def test_new_settings_connect_at_once(runtime, console, admin):
    given = {"sentry_token": "sntrys_" + "x" * 40, "sentry_org": "acme"}
    settings = source.with_values(runtime.settings, given)
    assert not any(one.name == "sentry" for one in runtime.sources)
    writing.secrets(admin, runtime, settings, given)
    process.replace(settings)
    assert any(one.name == "sentry" for one in runtime.sources) and "sentry" in process.connected()
    assert isinstance(runtime.settings, Settings)


def test_a_wrong_value_names_its_variable_and_quotes_nothing(console):
    with pytest.raises(ValueError, match="NEWRELIC_ACCOUNT_ID") as refusal:
        source.with_values(console, {"newrelic_account_id": "my-secret-key"})
    assert "my-secret-key" not in str(refusal.value)

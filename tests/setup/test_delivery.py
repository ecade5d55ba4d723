"""The step "delivery" of the setup runs no command that the policy's file does not have."""

from __future__ import annotations

import json

import pytest

from core import runtime
from core.policy.reader import read_policy
from core.runtime import Runtime
from core.settings import Settings
from core.setup import delivery
from core.stages.deliver import ways
from core.vendors.delivery.types import ReleaseOrder

POLICY = """
[repositories.shop]
remote = "/srv/shop.git"
delivery = "commands"
commands.deploy = ["/bin/true"]
commands.status = ["/bin/true"]
commands.rollback = ["/bin/true"]
commands.secrets = ["DEPLOY_TOKEN"]
[services.cart]
repository = "shop"
"""


@pytest.fixture
def rt(tmp_path) -> Runtime:
    (tmp_path / "platform.toml").write_text(POLICY)
    return runtime.use(Runtime(Settings(platform_file=tmp_path / "platform.toml", data_dir=tmp_path)))


@pytest.mark.parametrize("field", ["commands.status", "commands.deploy"])
def test_an_administrator_of_the_console_runs_no_command_by_checking_it(rt, tmp_path, monkeypatch, field):
    """The check of this way runs ``status``: with a command of the form it would be a shell on the machine."""
    canary = tmp_path / "canary"
    asked = []
    monkeypatch.setitem(ways.WAYS, "commands", lambda rt, name, wanted: asked.append(wanted))
    told = delivery.values("commands", {field: f"touch {canary}"})
    found = delivery.check(rt, "cart", told, lambda says: None)
    assert not found.ok and "platform.toml itself" in found.message and not canary.exists() and asked == []
    assert f"{field.split('.')[1]} = {json.dumps(['touch', str(canary)])}" in found.fix


def test_the_commands_of_the_file_are_asked(rt, monkeypatch):
    class Way:
        def check(self):
            return delivery.SetupFinding(True, "it answers")

    monkeypatch.setitem(ways.WAYS, "commands", lambda rt, name, wanted: Way())
    assert delivery.check(rt, "cart", {"delivery": "commands"}, lambda says: None).ok


def test_a_named_secret_may_stand_in_the_file_of_variables(rt, tmp_path, monkeypatch):
    monkeypatch.delenv("DEPLOY_TOKEN", raising=False)
    (tmp_path / ".env").write_text("DEPLOY_TOKEN=from-the-file\nGITHUB_TOKEN=the-platforms\n")
    repository = read_policy(tmp_path / "platform.toml").repositories["shop"]
    env = ways._commands(rt, "shop", repository)._environment(ReleaseOrder("k", "a" * 40))
    assert env["DEPLOY_TOKEN"] == "from-the-file" and "GITHUB_TOKEN" not in env
    monkeypatch.setenv("DEPLOY_TOKEN", "from-the-environment")
    env = ways._commands(rt, "shop", repository)._environment(ReleaseOrder("k", "a" * 40))
    assert env["DEPLOY_TOKEN"] == "from-the-environment"

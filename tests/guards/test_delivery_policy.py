"""What the policy may say of ways to production, and who may change what the platform runs."""

from __future__ import annotations

import pytest

from core import runtime
from core.access.rights import Refused
from core.actions import policy as actions
from core.policy import versions
from core.policy.reader import ConfigurationError, parse_policy
from core.runtime import Runtime
from tests.who import by

REMOTE = '[repositories.shop]\nremote = "https://git.example/shop.git"\n'
COMMANDS = 'delivery = "commands"\ncommands.deploy = ["d"]\ncommands.status = ["s"]\ncommands.rollback = ["r"]\n'


def shop(lines: str):
    return parse_policy(REMOTE + lines, "platform.toml").repositories["shop"]


@pytest.mark.parametrize(
    ("lines", "way"),
    [
        ("", "pull_request"),
        ('vercel_project = "shop"\n', "vercel"),
        ('vercel_project = "shop"\ndelivery = "pull_request"\n', "pull_request"),
        (COMMANDS, "commands"),
        ('github = "acme/shop"\ndelivery = "github_actions"\n', "github_actions"),
        ('delivery = "kubernetes"\nkubernetes.deployment = "shop"\nkubernetes.image = "r/shop:{sha}"\n', "kubernetes"),
    ],
)
def test_the_way_is_named_or_follows_from_an_older_file(lines, way):
    assert shop(lines).way == way


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('delivery = "vercel"\n', "vercel_project"),
        ('delivery = "github_actions"\n', "needs github"),
        ('delivery = "commands"\ncommands.deploy = ["d"]\n', "commands.status"),
        ('delivery = "kubernetes"\nkubernetes.deployment = "shop"\nkubernetes.image = "r/shop"\n', "names {sha}"),
        ('delivery = "ftp"\n', "delivery"),
        ("steps = [10]\n", "steps need a way to production that shares traffic"),
        (COMMANDS + "steps = [10]\n", "commands.promote"),
        ('vercel_project = "shop"\nsteps = [50, 10]\n', "larger than the one before"),
        ('vercel_project = "shop"\nsteps = [10, 10]\n', "larger than the one before"),
        ('vercel_project = "shop"\nsteps = [0]\n', "steps"),
        ('vercel_project = "shop"\nsteps = [100]\n', "steps"),
        ('vercel_project = "shop"\nsteps = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]\n', "steps"),
        (
            'delivery = "kubernetes"\nkubernetes.deployment = "shop"\nkubernetes.image = "r:{sha}"\nsteps = [10]\n',
            'kubernetes.rollout = "argo"',
        ),
        ('commands.deploy = "./deploy.sh production"\n', "commands.deploy"),
        ('commands.deploy = ["-c", "x"]\n', "first is the program"),
        ('commands.secrets = ["A B"]\n', "commands.secrets"),
        ("commands.seconds = nan\n", "commands.seconds"),
        ('commands.shell = "sh"\n', "commands.shell"),
        ('github_actions.workflow = "../x.yml"\n', "github_actions.workflow"),
        ('kubernetes.namespace = "a/b"\n', "kubernetes.namespace"),
        ('kubernetes.image = "r/shop:{sha} --x"\n', "kubernetes.image"),
    ],
)
def test_what_is_missing_or_odd_is_named(lines, says):
    with pytest.raises(ConfigurationError, match=says):
        shop(lines)


@pytest.mark.parametrize(
    "lines",
    [
        'vercel_project = "shop"\n',
        COMMANDS + 'commands.promote = ["p"]\n',
        'delivery = "kubernetes"\nkubernetes.deployment = "shop"\nkubernetes.image = "r:{sha}"\n'
        'kubernetes.rollout = "argo"\n',
    ],
)
def test_ways_that_share_traffic_may_have_steps(lines):
    assert shop(lines + "steps = [10, 50]\n").steps == [10, 50] and shop(lines).steps == []


def change(console, text: str):
    runtime.use(Runtime(console))
    before = versions.digest(console.platform_file.read_text())
    return actions.change_policy(text, actor=by("admin"), reason="a reason", based_on=before, key="k")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", COMMANDS),
        (COMMANDS, COMMANDS.replace('["d"]', '["sh", "-c", "id"]')),
        (COMMANDS, COMMANDS + 'commands.promote = ["sh", "-c", "id"]\n'),
        (COMMANDS, COMMANDS + 'commands.secrets = ["GITHUB_TOKEN"]\n'),
        (COMMANDS, COMMANDS + 'environment = {LD_PRELOAD = "./x.so"}\n'),
        (COMMANDS, ""),
    ],
    ids=["new", "another program", "a program that promotes", "another secret", "another environment", "removed"],
)
def test_an_administrator_of_the_console_cannot_change_what_the_platform_runs(console, before, after):
    """Otherwise the console's right to edit the policy would be a shell on the platform's machine."""
    console.platform_file.write_text(REMOTE + before)
    with pytest.raises(Refused, match="deployment commands of shop"):
        change(console, REMOTE + after)
    assert console.platform_file.read_text() == REMOTE + before


def test_the_rest_of_a_policy_with_commands_can_be_changed(console):
    console.platform_file.write_text(REMOTE + COMMANDS)
    after = REMOTE + COMMANDS + "[guards]\ndeployments_per_hour = 2\n"
    assert change(console, after).done and console.platform_file.read_text() == after

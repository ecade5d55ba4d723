"""A policy cannot name what lies outside of DATA_DIR, what a program reads as an option, or what git would start."""

from __future__ import annotations

import json

import pytest

from core.access.rights import Refused
from core.actions import policy as policy_actions
from core.policy import versions
from core.policy.reader import ConfigurationError, parse_policy
from tests.access.test_rights import trail
from tests.who import by

SHOP = {"remote": '"https://git.example/shop.git"'}
WRONG = {
    "remote": ["", "x", "../shop", "-uinjected", "--upload-pack=touch /tmp/x", "ext::sh -c touch% /tmp/x", "fd::17",
               "http://git.example/shop", "ssh://-oProxyCommand=touch/x", "-oProxyCommand=x:shop", "git@-oX:shop",
               "git@host:-x", "https:///shop", "https://git.example", "https://a\\nb/c", "file://host/x", "host::x",
               "git@host:a\\u0007b", "https://git.example:port/x", "ssh://-x@host/y"],
    "branch": ["", "-x", "--all", "a..b", "a b", "a~1", "a^", "a:b", "a?b", "a*b", "a[b", "a\\\\b", "/a", "a/", "a//b",
               "a.", ".a", "a/.b", "a.lock", "a.lock/b", "@", "a@{b", "a\\u007fb", "a\\nb"],
    "github": ["acme", "acme/shop/x", "../shop", "acme/..", "-x/shop", "acme/sh op", "acme/shop?x=1"],
    "vercel_project": ["../x", "a/b", "-x", "a?b"],
    "production_url": ["shop.example", "file:///etc/passwd", "https://user:pass@shop", "https://", "javascript:1"],
    "health_path": ["", "health", "//evil.example", "/a b", "/a\\nb", "/\\\\x"],
    "tests": ["", "/etc", "../other", "a/../../b", "-x", "~/x", "a\\nb", ":(top)x"],
}  # fmt: skip
RIGHT = {
    "remote": ["https://github.com/acme/shop.git", "https://git.example:8443/a/b", "ssh://git@git.example:22/a.git",
               "git@github.com:acme/shop.git", "git.example:shop.git", "/srv/git/shop.git", "file:///srv/shop.git",
               "https://user@git.example/a"],
    "branch": ["main", "release/1.2", "a-b_c", "feature/ü", "v1.0"],
    "github": ["", "acme/shop", "a-b/c.d_e"],
    "vercel_project": ["", "shop", "prj_1aB"],
    "production_url": ["", "https://shop.example", "http://127.0.0.1:8600/edge/shop"],
    "health_path": ["/", "/health", "/a/b?deep=1"],
    "tests": ["tests", "src/tests", ".", "tests-unit"],
}  # fmt: skip


def policy(key: str, value: str, name: str = "shop") -> str:
    lines = "\n".join(f"{k} = {v}" for k, v in (SHOP | {key: value}).items())
    return f"[repositories.{name}]\n{lines}\n"


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in WRONG.items() for value in values])
def test_a_policy_that_leads_out_is_refused_by_the_name_of_its_key(key, value):
    with pytest.raises(ConfigurationError, match=rf"platform.toml: .*repositories\.shop\.{key}"):
        parse_policy(policy(key, f'"{value}"'), "platform.toml")


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in RIGHT.items() for value in values])
def test_a_policy_as_people_write_it_is_taken(key, value):
    found = parse_policy(policy(key, json.dumps(value)), "platform.toml")
    assert getattr(found.repositories["shop"], key) == value


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "-x", "--upload-pack=x", "", "a..b", ".git", "a\\nb", "x" * 101])
def test_a_repository_whose_name_leads_out_of_the_data_directory_is_refused(name):
    with pytest.raises(ConfigurationError, match="platform.toml: repositories.*a name consists of letters"):
        parse_policy(policy("branch", '"main"', f'"{name}"'), "platform.toml")


@pytest.mark.parametrize(
    ("key", "value"),
    [("test_command", "[]"), ("test_command", '[""]'), ("test_command", '["-c", "x"]'), ("source", "[]"),
     ("source", '["../x"]'), ("source", '["/"]'), ("environment", '{"A=B" = "x"}')],
)  # fmt: skip
def test_lists_of_a_policy_that_lead_out_are_refused(key, value):
    with pytest.raises(ConfigurationError, match=rf"repositories\.shop\.{key}"):
        parse_policy(policy(key, value), "platform.toml")


@pytest.mark.parametrize(("key", "value"), [("remote", "ext::sh -c id"), ("branch", "--all"), ("tests", "../x")])
def test_the_policy_page_refuses_it_with_the_same_words(console, key, value):
    before = versions.text_of(console.platform_file)
    text = versions.edited(before, {f"repositories.shop.{key}": value})
    with pytest.raises(ConfigurationError) as refusal:
        parse_policy(text, console.platform_file.name)
    with pytest.raises(Refused) as refused:
        policy_actions.change_policy(text, actor=by("admin"), reason="x", based_on=versions.digest(before), key="k")
    assert str(refused.value) == str(refusal.value) and f"repositories.shop.{key}" in str(refused.value)
    assert versions.text_of(console.platform_file) == before and not trail("change_policy")

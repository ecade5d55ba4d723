"""The Setup page asks for the credentials of a way to production, tries them, and writes them into a readable file."""

from __future__ import annotations

import stat

import pytest

from console import process
from core.settings import env_file
from core.setup import source
from core.setup.jobs import jobs
from core.vendors import registry
from core.vendors.base import Check
from tests import screens

POLICY = """version = 1
[repositories.shop]
remote = "/srv/shop.git"
delivery = "{way}"
{more}
[services.cart]
repository = "shop"
"""
GIVEN = {
    "vercel": {"vercel_token": "vc_0123456789abcdef", "vercel_team_id": "team_1"},
    "kubernetes": {"kubernetes_api_url": "https://10.0.0.1:6443", "kubernetes_token": "eyJ.of.an.account"},
    "github": {"github_token": "github_pat_0123456789"},
}
WAYS = {
    "vercel": ("vercel", 'vercel_project = "shop"'),
    "kubernetes": ("kubernetes", 'kubernetes = {deployment = "shop", image = "r.example/shop:{sha}"}'),
    "github_actions": ("github", 'github = "acme/shop"'),
}


@pytest.fixture
def asked(monkeypatch):
    """The settings that each vendor was asked with; it accepts them."""
    found = {}

    def check(settings, vendor):
        found[vendor] = settings
        return Check(vendor not in refused, "the token is accepted" if vendor not in refused else "HTTP 401", "a token")

    refused: set[str] = set()
    monkeypatch.setattr(registry, "check", check)
    yield found, refused
    jobs._jobs.clear()


def visited(console, way: str, given: dict[str, str]):
    vendor, more = WAYS[way]
    console.platform_file.write_text(POLICY.replace("{way}", way).replace("{more}", more))
    at = screens.visit("setup")
    for name, value in given.items():
        at.text_input(key=f"setup-field-way-{name}").input(value)
    next(button for button in at.button if button.key and f"setup-way-{vendor}" in button.key).click().run()
    jobs.get(f"source-{vendor}").thread.join(60)
    at.run()
    assert not at.exception
    return at


@pytest.mark.parametrize("way", WAYS)
def test_credentials_are_tried_and_written(console, runtime, asked, way):
    vendor, given = WAYS[way][0], GIVEN[WAYS[way][0]]
    at = visited(console, way, given)
    told = {name: getattr(asked[0][vendor], name) for name in given}
    assert {k: v.get_secret_value() if hasattr(v, "get_secret_value") else v for k, v in told.items()} == given
    file = env_file(console)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert all(f"{name.upper()}='{value}'" in file.read_text() for name, value in given.items())
    assert vendor in process.connected() and "the token is accepted" in screens.seen(at)
    secret = next(field.name for field in source.fields(vendor) if field.secret)
    assert given[secret] not in screens.seen(at) and at.text_input(key=f"setup-field-way-{secret}").value == ""


def test_credentials_that_are_refused_are_not_written(console, runtime, asked):
    asked[1].add("vercel")
    at = visited(console, "vercel", GIVEN["vercel"])
    assert "HTTP 401" in screens.seen(at) and not env_file(console).exists()

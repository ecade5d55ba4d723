"""An older platform.toml keeps working, and says what it leaves to defaults."""

from __future__ import annotations

from core.policy import advice
from core.policy.reader import parse_policy

OLD = '[repositories.shop]\nremote = "https://git.example/shop.git"\nsource = ["shop"]\n'
FULL = OLD + (
    'delivery = "pull_request"\nenvironment_build = "platform"\ntests = "tests"\ngithub = "acme/shop"\n'
    'production_url = "https://shop.example.com"\n'
)


def test_an_old_file_says_what_its_defaults_mean_today():
    told = list(advice.notes(parse_policy(OLD, "platform.toml")))
    assert all(note.startswith("repositories.shop: ") for note in told)
    assert any("delivery is pull_request because vercel_project is empty" in note for note in told)
    assert any("the environment is discovered" in note for note in told)
    assert not any("source and tests" in note for note in told)


def test_a_file_with_a_project_is_told_that_it_is_vercel():
    told = list(advice.notes(parse_policy(OLD + 'vercel_project = "shop"\n', "platform.toml")))
    assert any("delivery is vercel because vercel_project is set" in note for note in told)


def test_a_file_that_says_everything_gets_no_note():
    assert not list(advice.notes(parse_policy(FULL, "platform.toml")))

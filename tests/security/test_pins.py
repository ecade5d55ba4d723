"""A pin goes to its new version wherever it is written, and nothing else changes."""

from __future__ import annotations

import pytest

from core.repair.sandbox.runner import BubblewrapRunner
from core.stages.security.pins import UnfitPin, Upgrade, check, edited
from tests.real import need_sandbox

UP = Upgrade("sentry-sdk", "2.7.1", "2.8.0")
A, B, C = (letter * 64 for letter in "abc")


def none(_name, _version):
    return []


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("requirements.txt", "sentry-sdk==2.7.1\n", "sentry-sdk==2.8.0\n"),
        ("requirements.txt", "Sentry_SDK == 2.7.1  # why\r\nx==1\r\n", "Sentry_SDK == 2.8.0  # why\r\nx==1\r\n"),
        ("requirements/dev.txt", "sentry-sdk[flask]===2.7.1", "sentry-sdk[flask]===2.8.0"),
        ("constraints.txt", "sentry-sdk==2.7.1; python_version>='3.8'\n", "sentry-sdk==2.8.0; python_version>='3.8'\n"),
        ("requirements.txt", "# sentry-sdk==2.7.1\nsentry-sdk==2.7.1", "# sentry-sdk==2.7.1\nsentry-sdk==2.8.0"),
        ("pyproject.toml", 'dependencies = ["sentry-sdk==2.7.1", "x"]', 'dependencies = ["sentry-sdk==2.8.0", "x"]'),
        ("pyproject.toml", "[tool.poetry.dependencies]\nsentry-sdk = '2.7.1'\n",
         "[tool.poetry.dependencies]\nsentry-sdk = '2.8.0'\n"),
        ("pyproject.toml", 'sentry_sdk = {version = "2.7.1", extras = ["x"]}',
         'sentry_sdk = {version = "2.8.0", extras = ["x"]}'),
    ],
)  # fmt: skip
def test_each_way_to_write_a_pin(path, old, new):
    assert edited({path: old, "other.txt": "sentry-sdk-x==2.7.1"}, UP, none) == {path: new}


@pytest.mark.parametrize(
    "text",
    [
        "sentry-sdk>=2.7.1", "sentry-sdk==2.7.*", "sentry-sdk==2.7.1,!=2.9", "sentry-sdk==2.7.10",
        "sentry-sdk-x==2.7.1", "-r sentry-sdk==2.7.1", "sentry-sdk @ https://x.example/sentry-sdk==2.7.1",
        "x==2.7.1 # sentry-sdk==2.7.1",
    ],
)  # fmt: skip
def test_what_is_no_pin_of_the_package_stays(text):
    with pytest.raises(UnfitPin, match="No requirement"):
        edited({"requirements.txt": text}, UP, none)


def test_hashes_are_those_of_the_new_version_in_the_layout_of_the_old_ones():
    old = f"sentry-sdk==2.7.1 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{B}\nx==1 --hash=sha256:{A}\n"
    new = edited({"requirements.txt": old}, UP, lambda name, version: [C, A] if version == "2.8.0" else [])
    assert new["requirements.txt"] == (
        f"sentry-sdk==2.8.0 \\\n    --hash=sha256:{A} \\\n    --hash=sha256:{C}\nx==1 --hash=sha256:{A}\n"
    )


@pytest.mark.parametrize(
    ("line", "hashes", "why"),
    [
        (f"sentry-sdk==2.7.1 --hash=sha256:{A}", [], "names no hash"),
        ("sentry-sdk==2.7.1 --hash=md5:abc", [A], "not all SHA-256"),
    ],
)
def test_hashes_that_cannot_be_renewed_are_refused(line, hashes, why):
    with pytest.raises(UnfitPin, match=why):
        edited({"requirements.txt": line}, UP, lambda *_: hashes)


LOCK = '[[package]]\nname = "sentry-sdk"\nversion = "{}"\nsource = {{ registry = "https://pypi.org/simple" }}\n'


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (
            {"requirements.txt": "sentry-sdk==2.7.1\n", "uv.lock": LOCK.format("2.7.1")},
            r"uv\.lock still pins 2\.7\.1\. Run `uv lock --upgrade-package sentry-sdk==2\.8\.0`",
        ),
        ({"a.txt": "sentry-sdk==2.7.1\n", "poetry.lock": LOCK.format("2.7.1")}, "Run `poetry update sentry-sdk`"),
    ],
)  # fmt: skip
def test_a_lock_file_is_left_to_its_own_tool(texts, why):
    need_sandbox()
    with pytest.raises(UnfitPin, match=why):
        check(texts, edited(texts, UP, none), UP, BubblewrapRunner())


def test_an_edit_that_changes_more_than_the_pin_is_refused():
    need_sandbox()
    texts = {"requirements.txt": "sentry-sdk==2.7.1\nx==1\n"}
    check(texts, {"requirements.txt": "sentry-sdk==2.8.0\nx==1\n"}, UP, BubblewrapRunner())
    for more in ("sentry-sdk==2.8.0\nx==2\n", "sentry-sdk==2.8.0\nx==1\nevil==1\n", "sentry-sdk==2.8.0\n"):
        with pytest.raises(UnfitPin, match="changes more than this pin"):
            check(texts, {"requirements.txt": more}, UP, BubblewrapRunner())

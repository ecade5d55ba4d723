"""The environment of an upgrade: built from its own manifests, with the hashes of the package index."""

from __future__ import annotations

import hashlib

import pytest
from pydantic import SecretStr

from core.policy.services import Repository
from core.runtime import Runtime
from core.settings import Settings
from core.stages.security.upgraded import _of_version, building, hashes
from tests.environment.index import serving, wheel
from tests.real import need_sandbox


@pytest.mark.parametrize(
    ("asked", "built"),
    [
        ("auto", "auto"),
        ("platform", "auto"),
        ("/srv/shop/bin/python", "auto"),
        (["sh", "-c", "make"], ["sh", "-c", "make"]),
    ],
)
def test_the_environment_follows_the_manifests(asked, built):
    repository = Repository.model_construct(remote="x", environment_build=asked)
    assert building(repository).environment_build == built


def test_hashes_come_from_the_package_index_and_only_those_of_the_version(tmp_path):
    need_sandbox()
    old, new = wheel("sentry-sdk", "2.7.1", {"a.py": ""}), wheel("sentry-sdk", "2.8.0", {"a.py": ""})
    with serving([old, new]) as index:
        rt = Runtime(Settings(data_dir=tmp_path, package_index_url=SecretStr(index.url)))
        assert hashes(rt, "sentry-sdk", "2.8.0") == [hashlib.sha256(new[1]).hexdigest()]
        assert hashes(rt, "sentry-sdk", "9") == [] and hashes(rt, "nothing-here", "1") == []


@pytest.mark.parametrize(
    "output",
    ["", "HASHES", "HASHES {", "HASHES 3", 'HASHES [["a-1.whl", "x"]]',
     'HASHES [["sentry_sdk-2.8.0.tar.gz", "--hash"]]',
     'HASHES [["../../sentry_sdk-2.8.0-py3-none-any.whl.exe", "' + "a" * 64 + '"]]', 'HASHES [[null, null], 3]'],
)  # fmt: skip
def test_what_an_index_says_is_checked(output):
    assert _of_version(output, "sentry-sdk", "2.8.0") == []

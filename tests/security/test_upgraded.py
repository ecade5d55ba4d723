"""The environment of an upgrade: built from its own manifests, with the hashes of the package index."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from core.policy.reader import parse_policy
from core.policy.services import Repository
from core.repair.environment.fault import EnvironmentFault
from core.repair.prove.proof import Tests as Ran
from core.repair.types import FixResult
from core.runtime import Runtime
from core.settings import Settings
from core.stages.review.manifests import Packages
from core.stages.security import fix
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


PASSED, CUT, NONE = Ran({"t.py::test": ""}, True), Ran({"t.py::test": ""}, False), Ran({}, True)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (CUT, PASSED, "The service's tests did not run to their end."),
        (PASSED, CUT, "The service's tests did not run to their end."),
        (NONE, NONE, "The service has no tests."),
    ],
)
def test_why_older_tests_do_not_count(before, after, message):
    assert fix._older(None, before, after) == (False, message)


def test_a_pin_that_is_no_version_is_found_like_any_other(monkeypatch):
    monkeypatch.setattr(fix.manifest_reader, "read", lambda *_: [Packages({("shop", "unknown!1"): "requirements.txt"})])
    bench = SimpleNamespace(rt=SimpleNamespace(runner=object(), policy=parse_policy("", "x")))
    assert fix._pin(bench, {}, [{"package": "Shop", "version": "unknown!1"}]) == ("shop", "unknown!1")


@pytest.mark.parametrize(("installable", "decision"), [("2.0", "fix"), ("", "")])
def test_a_safe_version_that_cannot_be_installed_ends_no_upgrade(tmp_path, monkeypatch, installable, decision):
    def tried(_bench, _texts, upgrade, _before):
        if upgrade.new != installable:
            raise EnvironmentFault(f"no {upgrade.new}")
        return FixResult("fix", "Proved.")

    for name, value in {"_pin": ("shop", "1.0"), "_safe": ["1.1", "2.0"], "_tried": None}.items():
        monkeypatch.setattr(fix, name, tried if value is None else lambda *_, value=value: value)
    monkeypatch.setattr(fix.checkout, "start_over", lambda _: None)
    code = SimpleNamespace(repository=SimpleNamespace(source=()))
    bench = SimpleNamespace(tree=tmp_path, code=code, rt=None, tests=lambda _: PASSED)
    if decision:
        assert fix._upgraded(bench, []).decision == decision
    else:
        with pytest.raises(EnvironmentFault, match="no 2.0"):
            fix._upgraded(bench, [])

"""The pipeline of this project: each push and each pull request runs every check."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
RECIPES = dict(re.findall(r"^(\w+):[^\n]*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
NEEDS = dict(re.findall(r"^(\w+):([^#\n]*)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def test_each_push_and_each_pull_request_runs_the_whole_check():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    events = workflow[True]  # YAML 1.1 reads "on" as true
    assert events["push"] == {"branches": ["main"]} and "pull_request" in events
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in steps
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in script and script[-1] == "make every", "the first failure ends it"
    assert set(NEEDS["test"].split()) <= {*script[-2].split(), "every"}, "make test, but what it needs at the same time"


def test_the_whole_check_runs_on_the_oldest_python_that_is_promised():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert {job["container"] for job in workflow["jobs"].values()} == {"debian:bookworm"}, "it has Python 3.11"
    promised = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert promised == ">=3.11"


@pytest.mark.parametrize("check", ["ruff check .", "ruff format --check core console pages tests", "pyright"])
def test_the_check_begins_with_style_format_and_types(check):
    assert "lint" in NEEDS["test"].split() and f"-m {check}\n" in RECIPES["lint"]


def test_security_rules_run_with_the_style_and_an_audit_of_the_packages_beside_the_tests():
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]["lint"]
    assert "S" in rules["select"] and set(rules["ignore"]) == {"S101", "S105", "S603"}
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["audit"]["steps"][-1] == {"run": "make audit"} and workflow[True]["schedule"]
    assert RECIPES["audit"].split("\n")[0].endswith("-m pip_audit --requirement requirements.lock --disable-pip")


def test_the_check_runs_all_tests_and_those_in_a_browser():
    assert '-m pytest -n 4 --dist worksteal --ignore tests/browser -m "not long"\n' in RECIPES["every"]
    assert '-m pytest -n 2 --dist loadfile -m "not long" tests/browser\n' in RECIPES["every"]
    assert RECIPES["long"].endswith("-m pytest -n 2 -m long\n") and "long" in NEEDS["drills"].split()
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    assert {"if": "github.event_name == 'schedule'", "run": "make long"} in workflow["jobs"]["test"]["steps"]
    assert all((ROOT / "tests" / folder).is_dir() for folder in ("guards", "stories", "browser"))

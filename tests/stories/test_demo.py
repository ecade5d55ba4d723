"""The demo itself, headless: a shop that really fails, vendors that speak their protocols, the whole engine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.settings import ROOT
from core.vendors.command import git
from tests.browser.server import free_port

FAULTS = ("cart-address", "checkout-note", "catalog-campaign")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run of three faults without anybody's approval: its folder, and its rows by fault."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    argv = [sys.executable, "-m", "core", "demo", "--dir", folder, "--port", str(free_port()), "run", *FAULTS, "--json"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=900)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == len(FAULTS), done.stderr[-2000:]
    return folder, {row["fault"]: row for row in rows}


def log(folder) -> list[str]:
    return git(folder / "origin.git", "log", "--format=%s", "main").splitlines()


def test_a_shipped_fault_is_found_fixed_deployed_and_verified_without_a_person(run):
    folder, rows = run
    row = rows["cart-address"]
    assert (row["decision"], row["outcome"], row["behaves"]) == ("AUTO_RESOLVE", "resolved", True), row
    assert not row["approval"]
    assert any("Fix AttributeError" in subject for subject in log(folder)), "merged into main"


def test_a_critical_service_is_not_deployed_without_an_approval(run):
    folder, rows = run
    row = rows["checkout-note"]
    assert (row["decision"], row["outcome"]) == ("AUTO_RESOLVE", "awaiting_approval"), row
    assert not any("Fix ValueError" in subject for subject in log(folder))


def test_a_fix_that_harms_production_is_rolled_back_and_escalated(run):
    folder, rows = run
    row = rows["catalog-campaign"]
    assert (row["decision"], row["outcome"]) == ("AUTO_RESOLVE", "escalated"), row
    assert "rolled back to dpl_" in row["reason"]
    assert not any("Fix KeyError" in subject for subject in log(folder)), "what was rolled back is not merged"

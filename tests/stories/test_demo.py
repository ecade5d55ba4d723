"""The demo itself, headless: a shop that really fails, vendors that speak their protocols, the whole engine.

What a visitor sees of it, and a fix that holds, is test_live.py's.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.demo.faults import FAULTS
from core.settings import ROOT
from core.vendors.command import git
from tests.browser.server import free_port


def test_a_fix_that_harms_production_is_rolled_back_and_escalated(tmp_path):
    folder = tmp_path / "demo"
    argv = [sys.executable, "-m", "core", "demo", "--dir", folder, "--port", str(free_port())]
    done = subprocess.run(
        [*argv, "run", "catalog-campaign", "--json"], cwd=ROOT, capture_output=True, text=True, timeout=1000
    )
    assert done.stdout, done.stderr[-2000:]
    row = json.loads(done.stdout)
    assert (row["decision"], row["outcome"]) == ("AUTO_RESOLVE", "escalated"), row
    assert "rolled back to dpl_" in row["reason"]
    log = git(folder / "origin.git", "log", "--format=%s", "main")
    assert "Fix KeyError" not in log, "what was rolled back is not merged"


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("agents", [(), ("--agents",)], ids=["embedded alone", "all agents"])
def test_a_run_of_all_faults_states_each_figure_against_its_target(tmp_path, agents):
    """Figures of waiting are asserted, no time of this machine: the targets leave minutes to spare."""
    argv = [sys.executable, "-m", "core", "demo", *agents, "--dir", tmp_path / "demo", "--port", str(free_port())]
    done = subprocess.run(
        [*argv, "run", "--all", "--approve", "--json"], cwd=ROOT, capture_output=True, text=True, timeout=7000
    )
    *rows, last = map(json.loads, done.stdout.splitlines())
    assert [row["fault"] for row in rows] == list(FAULTS) and not [row for row in rows if not row["right"]]
    ends = {row["fault"]: row["outcome"] for row in rows}
    assert all(ends[name] == ("resolved" if agents else "escalated") for name in FAULTS if FAULTS[name].kind == "model")
    figures = {one["figure"].split(",")[0]: one for one in last["summary"]}
    print(json.dumps(last))
    assert len(figures) == 5 and all(one["value"] is not None for one in figures.values())
    for name in ("fixed by the platform", "MTTR in seconds", "reduction of 2 hours by hand"):
        assert figures[name]["met"], figures[name]

"""Cline is used only where all that it needs is there; doctor says what is missing."""

from __future__ import annotations

import stat

import pytest

from core import bootstrap
from core.cli import doctor
from core.repair.sandbox.runner import BubblewrapRunner, LimitedRunner
from core.runtime import Runtime
from core.settings import Settings
from core.vendors import cline
from tests.real import need


@pytest.fixture
def settings(tmp_path):
    binary = tmp_path / "cline"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    given = {"cline_bin": str(binary), "openai_model": "m", "openai_api_key": "sk-0123456789"}
    return lambda **other: Settings(platform_file=tmp_path / "none.toml", **{**given, **other})


@pytest.mark.parametrize(
    ("other", "runner", "state", "says"),
    [
        ({}, BubblewrapRunner(), "ok", "it can reach only m"),
        ({"cline_bin": ""}, BubblewrapRunner(), "off", "not connected"),
        ({"cline_bin": "/nowhere/cline"}, BubblewrapRunner(), "fault", "is not executable"),
        ({"openai_model": ""}, BubblewrapRunner(), "fault", "no model"),
        ({}, LimitedRunner(), "fault", "runs only in bubblewrap"),
        ({}, None, "fault", "runs only in bubblewrap"),
    ],
)
def test_it_is_wired_exactly_where_doctor_says_ok(settings, other, runner, state, says):
    rt = Runtime(settings(**other), runner=runner)
    line = doctor._cline(rt)
    assert line.state == state and says in line.message and bool(line.fix) == (state != "ok")
    assert bool(bootstrap._cline(rt)) == (state == "ok")


def test_its_key_is_not_written_down(settings, tmp_path):
    cline.prepare(tmp_path / "state", "m")
    written = [p.read_text() for p in (tmp_path / "state").rglob("*.json")]
    assert len(written) == 2 and not any("sk-0123456789" in text for text in written)
    assert '"run_commands"' in written[0] + written[1]


def test_the_real_program_is_found():
    assert cline.program(Settings(cline_bin=need("cline"))).name == "cline"

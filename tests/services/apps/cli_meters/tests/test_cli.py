import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from meterkit.cli import main

MARCH = str(Path(__file__).parent / "data" / "march.csv")


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *args: runner.invoke(main, args)


def test_totals_as_json(run):
    rows = json.loads(run("totals", MARCH, "--format", "json").output)
    assert rows[0] == {"meter": "DE0071", "day": "2026-03-01", "kwh": "3.450", "trust": 0.33}


def test_totals_as_a_table(run):
    assert run("totals", MARCH).output.splitlines()[0].split() == ["meter", "day", "kwh", "trust"]


def test_check_fails_on_gaps(run):
    result = run("check", MARCH)
    assert result.exit_code == 1
    assert "has a gap after 2026-03-01T00:30" in result.output


def test_check_is_content_with_a_whole_file(run, tmp_path):
    path = tmp_path / "good.csv"
    path.write_text("meter;at;kwh;quality\nA;2026-03-01T00:15;1;M\nA;2026-03-01T00:30;1;M\n")
    assert run("check", str(path)).exit_code == 0

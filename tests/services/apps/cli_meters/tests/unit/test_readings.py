from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from meterkit import FormatError, read_file, read_line
from meterkit.readings import parse_amount, parse_quality, parse_time

DATA = Path(__file__).parent.parent / "data"


def test_a_line():
    reading = read_line("DE0071;2026-03-01T00:15;1.250;M")
    assert reading == ("DE0071", datetime(2026, 3, 1, 0, 15), Decimal("1.250"), "measured")
    assert reading.trusted


@pytest.mark.parametrize("line", ["", "   ", "# a comment"])
def test_what_is_no_reading(line):
    assert read_line(line) is None


@pytest.mark.parametrize("text", ["2026-03-01T00:15", "2026-03-01 00:15", "01.03.2026 00:15"])
def test_times(text):
    assert parse_time(text) == datetime(2026, 3, 1, 0, 15)


def test_amounts_with_a_comma():
    assert parse_amount("0,9 ") == Decimal("0.9")


@pytest.mark.parametrize("line", ["a;b", "a;yesterday;1;M", "a;2026-03-01T00:15;much;M", "a;2026-03-01T00:15;1;X"])
def test_lines_that_are_wrong(line):
    with pytest.raises(FormatError):
        read_line(line)


def test_quality():
    assert parse_quality(["", "", "", " e "]) == "estimated"


def test_a_file():
    assert [r.meter for r in read_file(DATA / "march.csv")] == ["DE0071"] * 3 + ["DE0099"]


def test_an_error_names_its_line(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("header\na;b\n")
    with pytest.raises(FormatError, match="line 2: too few columns"):
        list(read_file(path))

"""The figures of the blind runs become the product's, and the calibration plot."""

import json
import sys
from xml.etree import ElementTree

import pytest

from tests.bench.repair import calibrate, runs
from tests.bench.repair.bench_cases import fixes_of

RUN = {"set": "blind", "commit": "c"}
FIXES = [
    ["embedded/type", 1, True],
    ["embedded/type", 2, True],
    ["embedded/type", 3, False],
    ["embedded/style", 1, True],
]


@pytest.mark.parametrize(
    ("lines", "time"),
    [([], None), (["dev 3"], None), (["blind 1", "dev 3"], "1"), (["blind 1", "blind 2"], "2")],
)
def test_the_newest_run_of_the_blind_set_counts(tmp_path, lines, time):
    log = tmp_path / "runs.log"
    log.write_text("".join(json.dumps(dict(zip(("set", "time"), text.split(), strict=True))) + "\n" for text in lines))
    assert (runs.newest(log) or {}).get("time") == time


def test_a_logged_fix_has_a_number_instead_of_a_name():
    named = [("embedded/type", "b", True), ("embedded/type", "a", False), ("embedded/style", "b", True)]
    found = runs.numbered(named)
    assert found == [("embedded/style", 1, True), ("embedded/type", 2, False), ("embedded/type", 1, True)]
    assert runs.by_class(found) == {"embedded/style": (1, 1), "embedded/type": (1, 2)}


def test_fixes_of_different_runs_are_of_different_groups():
    assert calibrate.pooled([{"fixes": FIXES[:1]}, {"fixes": FIXES[:1]}]) == [
        ("embedded/type", 1, True),
        ("embedded/type", 2, True),
    ]


def test_a_fix_is_predicted_from_other_groups_alone():
    """Half of the others are right where the fix is right, and all where it is wrong; one class has no others."""
    assert list(calibrate.predicted(FIXES)) == [(0.5, True), (0.5, True), (1.0, False)]
    found = calibrate.bins(calibrate.predicted(FIXES))
    assert [(one.n, one.held, one.confidence) for one in found] == [(2, 2, 0.5), (1, 0, 1.0)]
    assert calibrate.error(found) == pytest.approx((2 * 0.5 + 1) / 3)
    assert calibrate.error([]) == 0


def test_one_command_writes_figures_and_plot(tmp_path, monkeypatch, capsys):
    log, data, plot = (tmp_path / name for name in ("runs.log", "precision.json", "plot.svg"))
    log.write_text(json.dumps(RUN | {"time": "2020-01-01T00:00:00Z", "fixes": FIXES}) + "\n")
    monkeypatch.setattr(calibrate, "REAL", log)
    monkeypatch.setattr(calibrate, "SMALL", tmp_path / "none.log")
    monkeypatch.setattr(sys, "argv", ["calibrate", "--data", str(data), "--plot", str(plot)])
    calibrate.main()
    assert json.loads(data.read_text())["classes"] == {"embedded/style": [1, 1], "embedded/type": [2, 3]}
    circles = ElementTree.fromstring(plot.read_text()).findall("{*}circle/{*}title")
    assert [one.text for one in circles] == [
        "2 of 2 fixes right at confidence 0.50",
        "0 of 1 fixes right at confidence 1.00",
    ]
    assert "0.667 on 3 of 4 fixes" in capsys.readouterr().out


def test_seen_cases_never_become_the_products_figures(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["calibrate", "--set", "dev"])
    with pytest.raises(SystemExit):
        calibrate.main()


def test_the_fixes_of_the_small_cases_are_those_that_were_made():
    rows = [("1", "correct"), ("2", "plausible-wrong"), ("3", "no-fix"), ("4", "escalated"), ("5", "wrongly-fixed")]
    results = [{"id": name, "outcome": outcome, "class": "embedded/type"} for name, outcome in rows]
    assert sorted(right for _, _, right in fixes_of(results)) == [False, False, True]

"""Every figure computed by hand: its value, its cases, its target, and None with too few cases."""

from __future__ import annotations

import pytest

from core.policy.value import ValueRules
from core.queries import kpis
from core.queries.kpis import ConfidenceBin, ConfidenceTally, DeploymentCount, Figure, Mean, RunTally

TALLY = RunTally(
    results={"fixed": 6, "rolled_back": 2, "escalated": 4},
    repairs=Mean(6, 1200.0),
    median=150.0,
    saved=7200.0,
    detect=Mean(8, 40.0),
    confidence=Mean(10, 9.0),
    acted=8,
    held=6,
)
FEW = RunTally({"fixed": 4}, Mean(4, 8.0), 2.0, 3600.0, Mean(4, 8.0), Mean(4, 3.6), 4, 4)


def shape(figure: Figure) -> tuple:
    return figure.value, figure.n, figure.unit, figure.target, figure.low_is_good, figure.needs


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (kpis.mttr, (200.0, 6, "seconds", 300.0, True, 5)),
        (kpis.mttr_median, (150.0, 6, "seconds", 300.0, True, 5)),
        (kpis.detection, (5.0, 8, "seconds", None, True, 5)),
        (kpis.auto_resolution, (0.5, 12, "share", 0.8, False, 5)),
        (kpis.decision_accuracy, (0.75, 8, "share", 0.85, False, 5)),
        (kpis.mean_confidence, (0.9, 10, "share", 0.85, False, 5)),
    ],
)
def test_the_figures_of_the_runs(make, expected):
    assert shape(make(TALLY)) == expected
    assert make(FEW).value is None, "four cases are too few"


def test_five_cases_are_enough():
    assert kpis.auto_resolution(RunTally(results={"fixed": 1, "failed": 4})).value == 0.2
    assert kpis.auto_resolution(RunTally(results={"failed": 5})).value == 0


def test_an_empty_tally():
    empty = RunTally()
    assert (empty.runs, empty.fixed, empty.repairs.n, empty.repairs.total) == (0, 0, 0, 0)
    assert (empty.saved, empty.acted, empty.held) == (0, 0, 0)
    assert (DeploymentCount().ended, DeploymentCount().rolled_back) == (0, 0)


@pytest.mark.parametrize(("ended", "back", "value"), [(4, 1, None), (5, 1, 0.2), (8, 8, 1.0)])
def test_the_rollback_rate(ended, back, value):
    assert shape(kpis.rollback_rate(DeploymentCount(ended, back))) == (value, ended, "share", 0.05, True, 5)


@pytest.mark.parametrize(("requests", "errors", "value"), [(999.0, 0.0, None), (1000.0, 250.0, 0.75)])
def test_availability(requests, errors, value):
    assert shape(kpis.availability(requests, errors)) == (value, int(requests), "share", 0.999, False, 1000)


@pytest.mark.parametrize(("checks", "failed", "value"), [(59, 0, None), (60, 15, 0.75)])
def test_uptime(checks, failed, value):
    assert shape(kpis.uptime(checks, failed)) == (value, checks, "share", 0.999, False, 60)


RULES = ValueRules(currency="EUR", engineer_hour=60, baseline_hours=3, savings_a_year=1000)


def test_hours_and_money_need_five_cases():
    five = RunTally(repairs=Mean(5, 300.0), saved=5400.0)
    assert shape(kpis.hours_saved(five, RULES)) == (1.5, 5, "hours", None, False, 5)
    assert shape(kpis.money_saved(five, RULES)) == (90.0, 5, "money", None, False, 5)
    assert shape(kpis.money_a_year(five, RULES, 7.3)) == (4500.0, 5, "money", 1000, False, 5)
    assert kpis.money_saved(five, RULES).formula == "hours saved x 60 EUR an hour"
    assert "sum of (3 h baseline" in kpis.hours_saved(five, RULES).formula
    four = RunTally(repairs=Mean(4, 240.0), saved=4320.0)
    for figure in (kpis.hours_saved(four), kpis.money_saved(four, RULES), kpis.money_a_year(four, RULES, 7)):
        assert (figure.value, figure.n) == (None, 4)


def test_all_figures_in_their_order():
    names = [f.name for f in kpis.all_of(TALLY, DeploymentCount(10, 1), (1000, 0), (60, 0), RULES, 7)]
    assert names == [
        "MTTR, auto-fixed", "Median repair", "Auto-resolution", "Decision accuracy", "Mean confidence",
        "Rollback rate", "Request success", "Uptime, health checks", "Time to detect", "Hours saved", "Savings, EUR",
        "Savings a year, EUR",
    ]  # fmt: skip


JUDGED = [ConfidenceTally(9, 4, 3, 3.8, 0.6), ConfidenceTally(2, 2, 1, 0.5, 0.4)]


def test_the_calibration_by_tenths():
    low, high = kpis.calibration(JUDGED)
    assert (low.low, low.high, low.n, low.held, low.confidence, low.share) == (0.2, 0.3, 2, 1, 0.25, 0.5)
    assert (high.low, high.high, high.n, high.held, high.confidence, high.share) == (0.9, 1.0, 4, 3, 0.95, 0.75)
    assert high.interval == kpis.wilson(3, 4)
    assert isinstance(low, ConfidenceBin)


@pytest.mark.parametrize(
    ("held", "n", "low", "high"),
    [
        (1, 10, 0.017875750, 0.404150039),
        (81, 263, 0.255289, 0.366185),  # R. G. Newcombe, 1998, method 3
        (15, 148, 0.062386, 0.160485),
        (0, 20, 0.0, 0.161125),
    ],
)
def test_the_interval_against_published_values(held, n, low, high):
    assert kpis.wilson(held, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("n", [1, 5, 10, 19])  # for 5 and 19, rounding alone would exceed the limits
def test_an_interval_stays_within_0_and_1(n):
    assert kpis.wilson(0, n)[0] == 0.0 and kpis.wilson(n, n)[1] == 1.0


@pytest.mark.parametrize(
    ("judged", "value"),
    [
        (JUDGED, pytest.approx(1.0 / 6)),
        ([ConfidenceTally(9, 5, 5, 4.5, 0.05)], 0.01),
        ([ConfidenceTally(9, 4, 4, 3.6, 0.04)], None),
    ],
)
def test_the_brier_score(judged, value):
    figure = kpis.brier(judged)
    assert shape(figure) == (value, sum(j.n for j in judged), "score", 0.25, True, 5)


def test_the_parts_of_a_repair():
    found = kpis.parts(10.0, {"fix": 20.0}, 25.0)
    assert [(p.name, p.seconds) for p in found] == [("detect", 10.0), ("fix", 20.0), ("waiting", 0.0)]
    assert kpis.parts(10.0, {"fix": 20.0}, 32.5)[-1].seconds == 2.5


@pytest.mark.parametrize(
    ("value", "target", "low_is_good", "met"),
    [
        (None, 1.0, True, None), (1.0, None, True, None), (None, None, False, None),
        (0.9, 1.0, True, True), (1.0, 1.0, True, True), (1.1, 1.0, True, False),
        (0.9, 1.0, False, False), (1.0, 1.0, False, True), (1.1, 1.0, False, True), (0.0, 0.0, True, True),
    ],
)  # fmt: skip
def test_a_target_is_met_or_missed(value, target, low_is_good, met):
    assert kpis.meets(Figure("x", value, 9, "share", "", "", target, low_is_good)) is met


def test_a_higher_figure_is_better_by_default():
    assert Figure("x", 1.0, 9, "share", "", "").low_is_good is False

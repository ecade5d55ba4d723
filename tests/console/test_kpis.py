"""KPI formulas: computed by hand, at their limits, and None with too few cases."""

import pytest

from console.parts import kpis as parts
from core.policy.value import ValueRules
from core.queries import kpis
from core.queries.kpis import DeploymentCount, Mean, RunTally
from tests.console.sums import judged, run, sums

FIXED = [run(seconds=60.0 * n) for n in range(1, 6)]
CASES = [
    (kpis.mttr, FIXED, 180.0),
    (kpis.mttr_median, [*FIXED, run(seconds=6000.0)], 210.0),
    (kpis.mttr, FIXED[:4], None),
    (kpis.mttr, FIXED[:4] + [run("human")] * 9, None),
    (kpis.auto_resolution, FIXED + [run("escalated")] * 5, 0.5),
    (kpis.decision_accuracy, FIXED + [run("rolled_back")] * 3 + [run("failed")] * 2, 0.5),
    (kpis.decision_accuracy, FIXED + [run("escalated", verdict="ESCALATE_HUMAN")] * 9, 1.0),
    (kpis.mean_confidence, FIXED, 0.9),
    (kpis.detection, FIXED, 10.0),
    (kpis.hours_saved, FIXED, 9.75),
    (kpis.hours_saved, FIXED[:1], None),
    (kpis.hours_saved, [run(seconds=9000.0)] * 5, 0.0),
    (kpis.hours_saved, [], None),
]


@pytest.mark.parametrize("figure, runs, value", CASES)
def test_a_figure(figure, runs, value):
    assert figure(sums(runs)).value == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize("cases, words", [(1, "1 issue fixed by"), (2, "2 issues fixed by"), (0, "0 issues fixed by")])
def test_one_case_is_singular(cases, words):
    assert words in parts.cases_of(kpis.hours_saved(sums(FIXED[:cases])))


def test_the_brier_score():
    assert kpis.brier(judged(FIXED)).value == pytest.approx(0.01)
    assert kpis.brier(judged(FIXED[:4])).value is None


@pytest.mark.parametrize("ended, back, value", [(0, 0, None), (4, 4, None), (10, 1, 0.1), (5, 0, 0.0)])
def test_rollback_rate(ended, back, value):
    assert kpis.rollback_rate(DeploymentCount(ended, back)).value == value


@pytest.mark.parametrize("requests, errors, value", [(0, 0, None), (999, 0, None), (1000, 1, 0.999)])
def test_availability(requests, errors, value):
    assert kpis.availability(requests, errors).value == value


def test_money_is_hours_times_the_hourly_cost():
    tally = sums(FIXED)
    rules = ValueRules(engineer_hour=60)
    assert kpis.money_saved(tally, rules).value == pytest.approx(kpis.hours_saved(tally).value * 60)


def test_calibration_bins_every_case_once():
    runs = [run(confidence=c / 100, result="fixed" if c % 3 else "failed") for c in range(0, 101)]
    bins = kpis.calibration(judged(runs))
    assert [b.low for b in bins] == pytest.approx([i / 10 for i in range(10)])
    assert sum(b.n for b in bins) == 101
    assert bins[-1].n == 11, "1.0 belongs to the last bin"
    assert all(b.interval[0] <= b.share <= b.interval[1] for b in bins)


@pytest.mark.parametrize("held, n, low, high", [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763), (10, 10, 0.722, 1.0)])
def test_wilson_against_published_values(held, n, low, high):
    assert kpis.wilson(held, n) == pytest.approx((low, high), abs=0.001)


def test_the_parts_add_up_to_the_repair():
    found = kpis.parts(10.0, {"analyze": 2.0, "fix": 20.0}, 100.0)
    assert [(p.name, p.seconds) for p in found] == [("detect", 10), ("analyze", 2), ("fix", 20), ("waiting", 68)]
    assert kpis.parts(10.0, {"fix": 20.0}, 25.0)[-1].seconds == 0, "overlapping stages leave no negative waiting"


def test_every_target_belongs_to_a_figure():
    targets = {f.name: f.target for f in kpis.all_of(RunTally(), DeploymentCount(), (0, 0), (0, 0), ValueRules(), 7)}
    assert (targets["MTTR, auto-fixed"], targets["Auto-resolution"]) == (300, 0.8)
    assert (targets["Mean confidence"], targets["Request success"]) == (0.85, 0.999)
    assert (targets["Uptime, health checks"], targets["Savings a year, USD"]) == (0.999, 50_000)


@pytest.mark.parametrize("value, met", [(299.0, True), (300.0, True), (301.0, False)])
def test_a_target_is_met_or_missed(value, met):
    assert kpis.meets(kpis.mttr(RunTally(repairs=Mean(5, value * 5)))) is met
    assert kpis.meets(kpis.mttr(RunTally(repairs=Mean(4, value * 4)))) is None


@pytest.mark.parametrize(
    ("n", "seconds", "says"),
    [
        (4, 60, "4 so far; the reduction against the manual baseline of 2 h is shown from 5."),
        (5, 360, "95 % less than the manual baseline of 2 h; meets the target 93 %."),
        (5, 720, "90 % less than the manual baseline of 2 h; misses the target 93 %."),
    ],
)
def test_the_reduction_is_said_in_percent_and_only_of_enough_cases(n, seconds, says):
    assert parts.reduction(n, seconds, 7200) == says

"""Small versions of `make bench`, which reveal a broken change early."""

from __future__ import annotations

import pytest

from tests.bench.signals import (
    bench_blame,
    bench_correlation,
    bench_incidents,
    bench_lost_traffic,
    bench_round,
    bench_services,
    bench_storm,
)


@pytest.mark.parametrize("kind", ["error rate", "latency"])
def test_blame(kind):
    found = bench_blame.measure(kind, graphs=60)
    assert found["blame"][0] >= bench_blame.AIM_FIRST and found["blame"][1] >= bench_blame.AIM_THREE
    assert found["blame"] > max(found[name] for name in found if name.startswith("anchor"))


def test_alarms_about_services():
    found = bench_services.measure(seed=5, systems=2)
    assert found["false"] <= bench_services.AIM_FALSE and found["found"] >= 0.5


def test_lost_traffic():
    found = bench_lost_traffic.measure("steady", 3.0, range(1, 4))
    assert not found.false and sum(wait is not None for wait in found.waits) >= 2  # of three; a small one is missed


@pytest.mark.parametrize("name", bench_correlation.SETS)
def test_correlation(name):
    found = bench_correlation.measure(name, seed=4)
    assert not found.merged
    assert found.f1 >= bench_correlation.AIM
    assert found.f1 > max(f1 for f1, _ in found.anchors.values())


def test_incidents():
    found = bench_incidents.measure(seed=6)
    assert found.met and found.f1 > max(found.anchors.values())


def test_incidents_in_a_store(tmp_path):
    assert bench_incidents.stored(tmp_path, seed=7, most=300).met


def test_the_test_set_is_large_enough():
    assert sum(map(len, bench_correlation.SETS.values())) >= 60


def test_storm():
    correlator, issues = bench_storm.measure(1000)
    assert correlator.count == len(bench_storm.FAULTS) and all(len(found) == 1 for found in issues.values())
    assert bench_storm.bounded(bench_storm.distinct(700))


def test_a_stored_storm_gives_few_issues_with_one_message_each(tmp_path):
    _, issues, messages = bench_storm.round_of(tmp_path, 600)
    faults = len(bench_storm.FAULTS)
    assert issues == faults
    assert messages and set(messages.values()) == {faults}


def test_a_cycle_is_measured_against_work_of_the_same_machine():
    cycles, references, signals, issues = bench_round.measure(600, turns=1)
    assert (signals, issues) == (600, len(bench_storm.FAULTS))
    assert cycles[0] > references[0] > 0

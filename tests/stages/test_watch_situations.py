"""The exam of the judge of releases is itself examined: seeds, truth, what a look may know, and the score."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from core.policy.sections import Watch
from core.signals.release import Judgement, Reach, State
from tests.bench.watch import bench_watch, plain
from tests.bench.watch.draws import Draw
from tests.bench.watch.production import Errors, Service, World
from tests.bench.watch.recording import record
from tests.bench.watch.score import Result, sit, total
from tests.bench.watch.situations import FAMILIES, PRACTICE, Situation, draw, exam, fair, practice, truth

BY_NAME = {family.name: family for family in FAMILIES}
RULES = Watch()


def drawn(name: str, seed: int = 1, space: str = "test"):
    return draw(BY_NAME[name], space, seed, 0, RULES)


def plainly(*causes: Errors, **delivery) -> World:
    """A service of ten requests a second and a control."""
    services = (Service("cart", True, 10.0), Service("mail", False, 10.0))
    return World("cart", 600.0, services, causes).with_delivery(**delivery)


# --- what an exam is made of -------------------------------------------------------------------


def test_an_exam_is_large_and_holds_much_that_practice_does_not_show():
    assert sum(family.count for family in FAMILIES) >= 200
    assert len(BY_NAME) == len(FAMILIES)
    for kind in ("good", "harm", "uncured"):
        of = [family for family in FAMILIES if family.truth == kind]
        assert sum(not family.dev for family in of) >= len(of) / 3


def test_practice_shows_open_families_only():
    names = {situation.family for situation in practice(12)}
    assert names <= {family.name for family in PRACTICE} and len(names) > 3


def test_a_seed_always_gives_the_same_watches():
    first, again, other = (list(practice(3, seed)) for seed in (4, 4, 5))
    assert [list(s.looks()) for s in first] == [list(s.looks()) for s in again]
    assert [s.world for s in first] != [s.world for s in other]


def test_an_exam_starts_alike_for_a_seed_and_differs_from_practice():
    assert next(exam(7)).world == next(exam(7)).world != next(exam(8)).world
    assert drawn("quiet", space="exam").world != drawn("quiet", space="practice").world


# --- the truth -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BY_NAME)
def test_each_family_draws_what_it_claims(name):
    for seed in range(20):
        assert truth(BY_NAME[name].make(Draw(np.random.default_rng(seed)))) == BY_NAME[name].truth


@pytest.mark.parametrize(
    ("causes", "services", "is_"),
    [
        ([Errors("cart", 0.2, 0.0, "a", own=True)], {}, "good"),
        ([Errors("cart", 0.2, 0.1, "a", own=True)], {}, "uncured"),
        ([Errors("cart", 0.2, 0.0, "a", own=True), Errors("cart", 0.1, 0.1, "b", begin=30)], {}, "good"),
        ([Errors("cart", 0.2, 0.0, "a", own=True), Errors("cart", 0.0, 0.2, "b", moved=True)], {}, "uncured"),
        ([Errors("cart", 0.2, 0.0, "a", own=True), Errors("cart", 0.1, 0.3, "b")], {}, "harm"),
        ([Errors("cart", 0.2, 0.0, "a", own=True), Errors("cart", 0.0, 0.01)], {}, "harm"),
        ([Errors("cart", 0.2, 0.0, "a", own=True)], {"slower": 2.0}, "harm"),
        ([Errors("cart", 0.2, 0.0, "a", own=True)], {"admitted": 0.01}, "harm"),
    ],
)
def test_the_truth_follows_from_the_rates(causes, services, is_):
    assert truth(plainly(*causes).with_services(touched=True, **services)) == is_


def test_what_is_recorded_has_the_rates_that_were_stated():
    world = plainly(Errors("cart", 0.2, 0.05, "a", own=True), Errors("mail", 0.1, 0.1, "b"), Errors("cart", 0.03, 0.03))
    recording = record(world, np.random.default_rng(1), 1200.0)
    own, mail = (next(t for t in recording.traces if t.cause.fingerprint == name) for name in "ab")
    assert sum(event.count for _, event in own.events) == own.before + own.shown
    for count, expected in ((own.before, 1200), (own.shown, 600), (mail.before, 600), (mail.shown, 1200)):
        assert abs(count - expected) < 5 * expected**0.5
    course = recording.courses["cart"]
    rates = [course.errors[part].sum() / course.requests[part].sum() for part in (course.times < 0, course.times >= 0)]
    assert rates == pytest.approx([0.23, 0.08], abs=0.02)


def test_the_metrics_tell_of_latency_and_of_silence():
    world = plainly(Errors("cart", 0.2, 0.0, "a", own=True)).with_one("cart", slower=3.0, admitted=0.5)
    course = record(world, np.random.default_rng(1), 1200.0).courses["cart"]
    sides = [[i for _, i in course.intervals if (i.at >= 0) is after] for after in (False, True)]
    p95 = [np.median([i.p95_ms for i in side]) for side in sides]
    requests = [np.mean([i.requests for i in side]) for side in sides]
    assert p95[1] / p95[0] == pytest.approx(3.0, rel=0.2)
    assert requests[1] / requests[0] == pytest.approx(0.5, rel=0.1)


def test_old_instances_fail_as_before_until_they_are_gone_and_are_named():
    world = replace(plainly(Errors("cart", 0.5, 0.0, "a", own=True)), drain=60.0)
    events = [event for _, event in record(world, np.random.default_rng(1), 600.0).traces[0].events if event.at >= 0]
    assert events and max(event.at for event in events) < 60 and all(event.old for event in events)


@pytest.mark.parametrize(("old", "new", "is_"), [(0.2, 0.0, True), (0.0, 0.0, False)])
def test_a_watch_whose_fault_nobody_saw_is_not_fair(old, new, is_):
    situation = replace(drawn("quiet"), world=plainly(Errors("cart", old, new, "a", own=True)))
    assert fair(situation) is is_


@pytest.mark.parametrize(
    ("another", "is_"),
    [
        (Errors("cart", 0.1, 0.1, "b"), False),
        (Errors("cart", 0.1, 0.1, "b", begin=60, issue=4), True),
        (Errors("cart", 0.1, 0.1, "b", begin=60, reach=Reach.NONE), False),
        (Errors("cart", 0.0, 0.00005, "b"), True),
        (Errors("cart", 0.0, 0.1, "b"), False),
        (Errors("cart", 0.1, 0.5, "b", issue=4), True),
    ],
)
def test_asking_is_right_only_where_an_expert_would(another, is_):
    world = plainly(Errors("cart", 0.2, 0.0, "a", own=True), another)
    assert replace(drawn("quiet"), world=world).ambiguous_ok is is_


def test_a_suspect_is_acquitted_by_its_past_its_reach_or_an_issue():
    """Otherwise a good fix would look exactly like harm."""
    good = [
        family for family in FAMILIES if family.truth == "good" and family.name not in ("upstream_outage", "scanner")
    ]
    for family in good:
        for seed in range(20):
            world = family.make(Draw(np.random.default_rng(seed)))
            for cause in world.errors:
                assert cause.begin < 0 or cause.reach is Reach.NONE or cause.issue, (family.name, cause)


def test_no_fault_of_a_control_is_within_reach():
    for family in FAMILIES:
        for seed in range(20):
            world = family.make(Draw(np.random.default_rng(seed)))
            controls = {service.name for service in world.services if not service.touched}
            found = [cause for cause in world.errors if cause.fingerprint and cause.service in controls]
            assert all(cause.reach is Reach.NONE and cause.old == cause.new for cause in found), family.name


# --- what a look may know ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["quiet", "late_data", "skewed_clock", "metric_gaps", "crash_told_late"])
def test_a_look_knows_only_what_has_arrived_and_forgets_nothing(name):
    situation = drawn(name, 3)
    delivery, scenes = situation.world.delivery, list(situation.looks())
    for scene in scenes:
        events = [event for fault in scene.faults for event in fault.events]
        assert all(event.at - delivery.skew <= scene.elapsed for event in events)
        ends = [i.at + (0 if delivery.partial else i.seconds) for row in scene.services.values() for i in row]
        assert all(end <= scene.elapsed for end in ends)
    for before, after in pairwise(scenes):
        known = {fault.fingerprint: set(fault.events) for fault in after.faults}
        assert all(set(fault.events) <= known[fault.fingerprint] for fault in before.faults)


def test_some_events_arrive_looks_later_with_their_old_time():
    world = plainly(Errors("cart", 0.3, 0.3, "a", own=True), lag=90.0)
    recording = record(world, np.random.default_rng(1), 1200.0)
    early, later = ({e for f in recording.scene(at).faults for e in f.events} for at in (120.0, 300.0))
    assert any(event.at < 100 for event in later - early)
    assert all(0 <= arrives - event.at <= 90.001 for arrives, event in recording.traces[0].events)


def test_a_filling_interval_counts_what_came_so_far():
    world = plainly(Errors("cart", 0.3, 0.0, "a", own=True), interval=60.0, partial=True)
    recording = record(world, np.random.default_rng(1), 600.0)
    half, whole = (recording.scene(at).services["cart"] for at in (90.0, 120.0))
    assert half[-1].at == whole[-1].at == 60.0
    assert 0 < half[-1].requests < whole[-1].requests


def test_a_gap_and_a_source_without_percentiles_leave_nothing():
    world = plainly(Errors("cart", 0.3, 0.0, "a", own=True), gaps=((0.0, 300.0),), p95=0.0)
    shown = record(world, np.random.default_rng(1), 600.0).scene(600.0).services["cart"]
    assert not [i for i in shown if 0 <= i.at < 300] and [i for i in shown if i.at >= 300]
    assert all(i.p95_ms is None for i in shown)


def test_a_watch_looks_until_its_bound():
    looks = [scene.elapsed for scene in drawn("quiet").looks()]
    assert looks[0] < 35 and looks[-2] < 1200 <= looks[-1] < 1240
    assert all(30 <= after - before <= 32 for before, after in pairwise(looks))


# --- the score ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("quiet", {State.VERIFIED}),
        ("goes_on", {State.UNCURED, State.HARM}),
        ("cure_and_crash_elsewhere", {State.HARM}),
        ("fault_seconds_before", {State.HARM, State.UNCURED}),  # wrongly: it knows no fingerprints
    ],
)
def test_the_plain_reference_sees_sums_only(name, states):
    result, _, _ = sit(drawn(name), plain.judge)
    assert result.state in states
    assert result.wrong_rollback is (name == "fault_seconds_before")


@pytest.mark.parametrize(
    ("truth_", "state", "ambiguous", "counted"),
    [
        ("good", State.VERIFIED, False, {}),
        ("good", State.UNEXERCISED, False, {"unexercised": 1}),
        ("good", State.HARM, False, {"wrong_rollbacks": 1}),
        ("good", State.UNCURED, True, {"wrong_rollbacks": 1}),
        ("good", State.UNSURE, False, {"asked_good": 1}),
        ("good", State.UNSURE, True, {"excused": 1}),
        ("good", State.WATCHING, False, {"undecided": 1}),
        ("harm", State.HARM, False, {}),
        ("harm", State.UNCURED, False, {}),
        ("harm", State.VERIFIED, False, {"missed": 1}),
        ("harm", State.UNEXERCISED, True, {"missed": 1}),
        ("harm", State.UNSURE, False, {"asked_harm": 1}),
        ("uncured", State.HARM, False, {}),
        ("uncured", State.VERIFIED, False, {"uncured_passed": 1}),
        ("uncured", State.UNSURE, False, {"asked_uncured": 1}),
    ],
)
def test_each_end_is_counted_once(truth_, state, ambiguous, counted):
    found = vars(total([Result("family", truth_, ambiguous, state, 60.0, 1.0)]))
    assert {name: n for name, n in found.items() if n and name not in ("good", "harm", "uncured")} == counted
    assert found[truth_] == 1


def with_harm(begin: float) -> Situation:
    causes = (Errors("cart", 0.2, 0.0, "a", own=True), Errors("cart", 0.0, 0.2, "b", begin=begin))
    return Situation("late", "harm", (1,), plainly(*causes), RULES)


def test_harm_that_had_not_begun_is_told_apart():
    hasty = sit(with_harm(900), lambda scene, rules: Judgement(State.VERIFIED, "at once"))[0]
    assert hasty.missed and hasty.unseen
    assert not sit(with_harm(900), lambda scene, rules: Judgement(State.WATCHING, ""))[0].unseen
    assert not sit(with_harm(300), lambda scene, rules: Judgement(State.VERIFIED, "at once"))[0].unseen


# --- the watch as the product takes it ---------------------------------------------------------


def says(*spans: tuple[float, Judgement]):
    """A judge that says each verdict from its second on."""
    return lambda scene, rules: [verdict for begin, verdict in spans if scene.elapsed >= begin][-1]


WATCHED, VERIFIED = Judgement(State.WATCHING, ""), Judgement(State.VERIFIED, "")
HARM, BY_FIGURES = Judgement(State.HARM, "", rates=()), Judgement(State.HARM, "", rates=("cart",))


@pytest.mark.parametrize(
    ("judge", "state", "late"),
    [
        (says((0, WATCHED), (60, VERIFIED), (300, HARM)), State.VERIFIED, State.HARM),
        (says((0, WATCHED), (60, VERIFIED), (300, Judgement(State.UNCURED, ""))), State.VERIFIED, State.UNCURED),
        (says((0, WATCHED), (60, VERIFIED)), State.VERIFIED, State.VERIFIED),
        (says((0, WATCHED), (60, VERIFIED), (300, WATCHED), (900, HARM)), State.VERIFIED, State.HARM),
        (says((0, WATCHED), (60, VERIFIED), (700, HARM)), State.VERIFIED, State.VERIFIED),  # it was over by then
        (says((0, WATCHED), (60, VERIFIED), (590, Judgement(State.UNSURE, ""))), State.VERIFIED, State.UNSURE),
        (says((0, WATCHED), (610, VERIFIED), (650, HARM)), State.VERIFIED, None),  # no early confirmation
        (says((0, WATCHED), (60, HARM)), State.HARM, None),
        (says((0, Judgement(State.UNEXERCISED, "")), (900, HARM)), State.HARM, None),  # looked at on until the bound
        (says((0, Judgement(State.UNEXERCISED, ""))), State.UNEXERCISED, None),
    ],
)
def test_a_late_watch_lasts_as_long_as_the_products(judge, state, late):
    found = sit(with_harm(0), judge)[0]
    assert (found.state, found.late) == (state, late)


def test_harm_by_figures_alone_counts_at_the_second_look():
    once = says((0, WATCHED), (60, BY_FIGURES), (75, WATCHED), (200, VERIFIED))
    twice = says((0, WATCHED), (60, BY_FIGURES))
    assert sit(with_harm(0), once)[0].state is State.VERIFIED
    found = sit(with_harm(0), twice)[0]
    assert found.state is State.HARM and found.seconds > 90


@pytest.mark.parametrize(
    ("truth_", "late", "counted"),
    [
        ("harm", State.HARM, {"late_harm": 1}),
        ("uncured", State.UNCURED, {"late_uncured": 1}),
        ("good", State.HARM, {"late_wrong": 1, "wrong_rollbacks": 1}),
        ("good", State.UNSURE, {"asked_good": 1}),
        ("harm", State.VERIFIED, {"missed": 1}),
        ("good", State.VERIFIED, {}),
    ],
)
def test_what_a_late_watch_does_is_counted(truth_, late, counted):
    found = vars(total([Result("family", truth_, False, State.VERIFIED, 60.0, 1.0, late=late)]))
    assert {name: n for name, n in found.items() if n and name not in ("good", "harm", "uncured")} == counted


def small(seed):
    return (draw(BY_NAME[name], "test", seed, 0, RULES) for name in ("quiet", "moves"))


@pytest.mark.parametrize(("options", "shown"), [(["--blind"], False), ([], True)])
def test_a_blind_exam_tells_no_family_and_each_exam_is_logged(options, shown, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench_watch, "exam", small)
    monkeypatch.setattr(bench_watch, "_commit", lambda: "abc1234")
    monkeypatch.setattr(bench_watch, "LOG", tmp_path / "runs.log")
    bench_watch.main(["--judge", "tests.bench.watch.plain:judge", "--seeds", "1", *options])
    printed, logged = capsys.readouterr().out, (tmp_path / "runs.log").read_text()
    assert any(name in printed for name in BY_NAME) is shown
    assert not any(name in logged for name in ("quiet", "moves"))
    assert logged.count("\n") == 1 and "abc1234" in logged and "1 good, 0 harm, 1 uncured" in logged


def test_practice_is_told_in_detail_and_not_logged(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bench_watch, "LOG", tmp_path / "runs.log")
    assert bench_watch.main(["--judge", "tests.bench.watch.plain:judge", "--dev", "2"]) == 0
    assert "of the requests" in capsys.readouterr().out
    assert not (tmp_path / "runs.log").exists()

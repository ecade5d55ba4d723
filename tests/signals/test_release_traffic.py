"""Whether requests stay away since a release: a row a guard."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.signals.release import FindingKind, Interval, Scene
from core.signals.release_traffic import Traffic, expected, gone
from core.signals.timeline import Bin

STEP = 10.0
CLEAR, DOUBT = FindingKind.CLEAR, FindingKind.DOUBT


def intervals(before: Sequence[float], after: Sequence[float], failed: float = 0.0) -> tuple[Interval, ...]:
    """``failed`` is the share of the requests before the release that failed."""
    rows = [(-STEP * (len(before) - n), n_, failed * n_) for n, n_ in enumerate(before)]
    rows += [(STEP * n, n_, 0.0) for n, n_ in enumerate(after)]
    return tuple(Interval(at, STEP, requests, errors) for at, requests, errors in rows)


def traffic(shop: tuple[Interval, ...], start: float = 0.0, until: float = 100.0, **controls) -> Traffic:
    return Traffic(Scene("shop", until, 3600, {"shop": shop, **controls}, frozenset({"shop"})), -3600, start, until)


STEADY = [100.0] * 60
CASES = {
    "as many as before": (traffic(intervals(STEADY, [100.0] * 10)), CLEAR, 1000, 1000),
    "half of them": (traffic(intervals(STEADY, [50.0] * 10)), DOUBT, 1000, 500),
    "none": (traffic(intervals(STEADY, [0.0] * 10)), DOUBT, 1000, 0),
    "a quarter less may be an evening": (traffic(intervals(STEADY, [75.0] * 10)), CLEAR, 1000, 750),
    "as quiet as a window before": (
        traffic(intervals([*[100.0] * 40, *[50.0] * 10, *[100.0] * 10], [50.0] * 10)), CLEAR, 500, 500
    ),
    "a quiet moment before is shorter than the time since": (
        traffic(intervals([*[100.0] * 40, *[50.0] * 3, *[100.0] * 17], [50.0] * 10)), DOUBT, 850, 500
    ),
    "failed requests were retries, which a cure ends": (
        traffic(intervals(STEADY, [50.0] * 10, failed=0.5)), CLEAR, 500, 500
    ),
    "a control that lost as much": (
        traffic(intervals(STEADY, [50.0] * 10), mail=intervals(STEADY, [50.0] * 10)), CLEAR, 500, 500
    ),
    "a control that grew does not raise what is expected": (
        traffic(intervals(STEADY, [75.0] * 10), mail=intervals(STEADY, [300.0] * 10)), CLEAR, 1000, 750
    ),
    "a control without requests before says nothing": (
        traffic(intervals(STEADY, [50.0] * 10), mail=intervals([0.0] * 60, [1.0] * 10)), DOUBT, 1000, 500
    ),
    "hardly any traffic is no evidence": (traffic(intervals([1.0] * 60, [0.4] * 10)), CLEAR, 10, 4),
    "without a baseline nothing is expected": (traffic(intervals([], [50.0] * 10)), CLEAR, 0, 500),
    "what is known since begins later": (traffic(intervals(STEADY, [0.0] * 5 + [100.0] * 5), 50.0), CLEAR, 500, 500),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_whether_requests_stay_away(name):
    seen, kind, wanted, came = CASES[name]
    found = seen.finding("shop")
    assert (found.kind, round(found.count.before), round(found.count.after)) == (kind, wanted, came)


def test_only_services_that_the_release_cannot_change_are_controls():
    scene = Scene("shop", 100, 3600, {"shop": intervals(STEADY, [50.0] * 10), "cart": intervals(STEADY, [10.0] * 10)},
                  frozenset({"shop", "cart"}))  # fmt: skip
    assert Traffic(scene, -3600, 0, 100).finding("shop").kind is DOUBT


def test_the_sentence_names_both_counts():
    says = traffic(intervals(STEADY, [50.0] * 10)).finding("shop").count.message
    assert says == "shop: 500 requests since the release, at least 1000 expected"


@pytest.mark.parametrize(
    ("before", "after", "busier"),
    [
        (STEADY, [125.0] * 10, True),
        (STEADY, [115.0] * 10, False),
        ([*[100.0] * 50, *[125.0] * 10], [140.0] * 10, False),  # it was nearly as busy before
        ([*[100.0] * 59, 200.0], [140.0] * 10, True),  # a moment, not a window of this length
        ([], [125.0] * 10, False),  # nothing to compare with
    ],
)
def test_more_load_than_ever_before(before, after, busier):
    assert traffic(intervals(before, after)).busier("shop") is busier


def test_a_release_that_is_watched_for_longer_than_its_history_is_compared_with_half_of_that():
    old = [Bin(n * STEP, (n + 1) * STEP, 0.0) for n in range(4)]
    new = [Bin(n * STEP, (n + 1) * STEP, 0.0) for n in range(10)]
    assert expected([100, 100, 10, 10], old, new) == 100  # the quietest twenty seconds, for a hundred
    assert expected([], [], new) == 0 == expected([1, 1], old[:2], [])


@pytest.mark.parametrize(
    ("requests", "wanted", "is_gone"),
    [(700, 1000, False), (699, 1000, True), (6, 16, False), (3, 16, True), (0, 9, False), (0, 10, True), (5, 0, False)],
)
def test_requests_are_gone_beyond_a_share_and_beyond_chance(requests, wanted, is_gone):
    assert gone(requests, wanted) is is_gone

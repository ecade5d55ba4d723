"""The quality of generated changes over time: its figures, its chart, and its metrics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.ui import charts
from core.db import store
from core.models import ChangeSet, Issue, Review
from core.queries import quality

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def gate(name: str, passed: bool = True, value: float | None = None, done: bool = True) -> dict:
    return {"gate": name, "passed": passed, "value": value, "done": done}


ERROR, NOTE = {"severity": "error"}, {"severity": "note"}


@pytest.mark.parametrize(
    ("rows", "means"),
    [
        ([], {}),
        ([([], [])], {"findings": 0}),
        ([([gate("coverage", value=1.0), gate("complexity", value=4)], [NOTE])],
         {"coverage": 1, "complexity": 4, "score": 1, "findings": 0}),
        ([([gate("coverage", False, 0.5), gate("osv", False, done=False)], [ERROR, ERROR, NOTE]),
          ([gate("coverage", True, None), gate("style")], [])], {"coverage": 0.5, "score": 0.5, "findings": 1}),
    ],
    ids=["no review", "an empty review", "a fine one", "what could not run counts nowhere"],
)  # fmt: skip
def test_the_means_of_reviews(rows, means):
    found = quality.of_reviews(rows)
    assert (found.reviews, dict(found.means)) == (len(rows), means)


@pytest.fixture
def reviewed(console):
    """Three reviews: two in the week of MONDAY, one in the week after."""
    with store.write() as session:
        issue = Issue(fingerprint="f", title="x", service="cart")
        session.add(issue)
        session.flush()
        change = ChangeSet(issue_id=issue.id, run=1, attempt=1, generator="embedded")
        session.add(change)
        session.flush()
        for day, covered in ((0, 0.4), (6, 0.6), (7, 0.9), (-200, 0.0)):
            gates = [gate("coverage", covered > 0.5, covered)]
            at = MONDAY + timedelta(days=day, hours=23)
            session.add(Review(change_set_id=change.id, passed=True, gates=gates, created_at=at))
    with store.read() as session:
        yield session


def test_weeks_begin_on_monday_and_old_reviews_are_left_out(reviewed):
    found = quality.by_week(reviewed, MONDAY + timedelta(days=20))
    assert {week: (q.reviews, q.means["coverage"]) for week, q in found.items()} == {
        MONDAY: (2, pytest.approx(0.5)),
        MONDAY + timedelta(days=7): (1, 0.9),
    }
    drawn = charts.quality_by_week(found, "coverage").data[0]
    assert list(drawn.y) == [pytest.approx(0.5), 0.9] and list(drawn.customdata) == ["2 reviews", "1 review"]


def test_the_last_days_are_metrics(reviewed, monkeypatch):
    monkeypatch.setattr(quality, "now", lambda: MONDAY + timedelta(days=8))
    lines = quality.text().decode().splitlines()
    assert 'platform_quality{figure="coverage",unit="share"} 0.75' in lines
    assert "platform_quality_reviews 2.0" in lines
    assert not any('figure="complexity"' in line for line in lines), "no review measured it"

"""The result of a fix and a person's resolution are separate facts: a table of both, in each order."""

from __future__ import annotations

import pytest

from core.actions import issues
from core.db import store
from core.decision import receipt
from core.models import Issue, Outcome, Status
from core.runtime import Runtime, current
from core.stages import decide, learn
from core.vendors.base import VendorError
from tests import factories
from tests.guards.stored import issue_in, rows
from tests.who import by


def remembered(issue: Issue, *results: str) -> Outcome:
    for result in results:
        with store.write() as session:
            learn.remember(session, issue.id, issue.run, result, f"says {result}")
    [row] = rows(Outcome)
    return row


@pytest.mark.parametrize(("results", "kept"), [
    (["rolled_back"], "rolled_back"),
    (["rolled_back", "failed"], "rolled_back"),
    (["rolled_back", "escalated"], "rolled_back"),
    (["rolled_back", "fixed"], "rolled_back"),
    (["fixed", "rolled_back"], "rolled_back"),
    (["fixed", "failed"], "fixed"),
    (["fixed", "escalated"], "fixed"),
    (["rejected", "failed"], "rejected"),
    (["rejected", "escalated"], "rejected"),
    (["failed", "rolled_back"], "rolled_back"),
    (["escalated", "rejected"], "rejected"),
    (["escalated", "failed"], "failed"),
])  # fmt: skip
def test_the_result_of_a_fix_is_final(console, results, kept):
    row = remembered(issue_in(Status.ESCALATED), *results)
    assert (row.result, row.note) == (kept, f"says {kept}")


@pytest.mark.parametrize(("before", "result", "note"), [
    ([], "human", "restarted it"),
    (["escalated"], "human", "restarted it"),
    (["rolled_back"], "rolled_back", "says rolled_back"),
    (["rejected"], "rejected", "says rejected"),
    (["failed"], "failed", "says failed"),
])  # fmt: skip
@pytest.mark.parametrize("cured", [True, False])
def test_a_persons_resolution_is_a_separate_fact(console, cured, before, result, note):
    issue = issue_in(Status.ESCALATED)
    for one in before:
        remembered(issue, one)
    issues.resolve(issue.id, actor=by("operator"), how="restarted it", cured=cured, key="k")
    [row] = rows(Outcome)
    assert (row.result, row.note) == (result, note)
    assert (row.resolution, row.resolved_by) == ("restarted it", "operator")


def test_resolving_after_rollbacks_changes_neither_history_nor_count(console):
    """Three fixes of one pattern were rolled back, and a person resolved each issue."""
    for _ in range(3):
        issue = issue_in(Status.ESCALATED)
        with store.write() as session:
            learn.remember(session, issue.id, issue.run, "rolled_back", "worse")
        issues.resolve(issue.id, actor=by("operator"), how="restarted it", cured=True, key=f"k{issue.id}")
    with store.write() as session:
        new = factories.issue(session)
        case = decide.situation(current(), session, new, factories.analysis(session, new))
    assert (case.successes, case.outcomes, case.rollbacks_in_a_row) == (0, 3, 3)
    made = receipt.decide(case, current().policy)
    assert [guard["effect"] for guard in made.guards if guard["name"] == "rollbacks in a row"] == ["approval"]


@pytest.mark.parametrize(("result", "moves"), [("fixed", 1), ("rolled_back", -1), ("rejected", -1), ("escalated", 0)])
def test_an_outcome_moves_the_confidence_of_the_next_issue_of_its_pattern(console, result, moves):
    def confidence() -> float:
        with store.write() as session:
            new = factories.issue(session)
            case = decide.situation(current(), session, new, factories.analysis(session, new))
        return receipt.decide(case, current().policy).confidence

    before = confidence()
    remembered(issue_in(Status.ESCALATED), result)
    after = confidence()
    assert (after > before) - (after < before) == moves


class Tracker:
    """A source that closes reports, unless it is down."""

    def __init__(self, name: str, fault: VendorError | None = None):
        self.name, self.fault, self.asked = name, fault, []

    def resolve(self, vendor_ids) -> int:
        self.asked += vendor_ids
        if self.fault:
            raise self.fault
        return len(vendor_ids)


def test_every_report_is_closed_at_its_source_and_a_fault_of_one_stops_no_other(console):
    with store.write() as session:
        issue = factories.issue(session)
        for source, vendor_id in (("sentry", "7:a"), ("sentry", "9:b"), ("other", "3"), ("third", "4")):
            factories.signal(session, issue, source=source, vendor_id=vendor_id)
    down, sentry, other = Tracker("third", VendorError("third", "down")), Tracker("sentry"), Tracker("other")
    idle = Tracker("idle")
    said = learn.close_reports(Runtime(console, sources=[down, sentry, other, idle]), issue.id)
    assert [*filter(None, said)] == [
        "not resolved at third: down",
        "2 reports resolved at sentry",
        "1 report resolved at other",
    ]
    assert (sorted(sentry.asked), other.asked, idle.asked) == (["7:a", "9:b"], ["3"], [])

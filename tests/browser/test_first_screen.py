"""Three faults at once on the first screen, in the inbox and on an issue's page, on a stored day."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from core.db import store
from core.models import IssueLink, LinkKind, Metric, Severity, Status, now
from tests import factories
from tests.browser.first_screen import SCREEN, counted_alike, facts_of, of, says_what_is_wanted, worst_first
from tests.browser.server import browsing, serving, settled, visiting

pytestmark = pytest.mark.browser
STEP = "Row 7: no other row matches. Guards: curable by code. Next step: Renew the key."
FAULTS = (  # title, service, severity, status, reason
    ("ValueError: too many values to unpack", "checkout", Severity.MEDIUM, Status.FIXING, "Row 4."),
    ("UpstreamError: the mailer answered 401", "checkout", Severity.LOW, Status.ESCALATED, STEP),
    ("IndexError: list index out of range", "search", Severity.CRITICAL, Status.ESCALATED, STEP),
)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("first"), seed=False) as address, browsing() as browser:
        with store.write() as session:
            for service, errors in (("checkout", 30), ("search", 10)):
                for ago in range(60):
                    at = now() - ago * timedelta(seconds=20)
                    values = {"requests": 100, "errors": errors}
                    session.add_all(Metric(source="datadog", service=service, name=n, at=at, value=v)
                                    for n, v in values.items())  # fmt: skip
            made = [factories.issue(session, title=title, service=service, severity=severity, status=status,
                                    reason=reason, last_seen=now())
                    for title, service, severity, status, reason in FAULTS]  # fmt: skip
            child = factories.issue(session, title="High error rate", service="search", status=Status.ESCALATED)
            session.add(IssueLink(parent_id=made[2].id, child_id=child.id, kind=LinkKind.SYMPTOM))
        with visiting(browser, address, viewport={"width": 1440, "height": 900}) as visit:
            yield visit.new_page()


def test_three_faults_at_once(page):
    """Worst first, nothing left out, one issue a fault, and what each wants."""
    settled(page.goto("/") and page)
    page.wait_for_selector("#root .d-failing-issue")
    screen = page.evaluate(SCREEN)
    worst_first(screen)
    says_what_is_wanted(screen)
    assert [row["name"] for row in screen["services"]] == ["search", "checkout"]
    assert [len(of(screen, title.partition(":")[0])) for title, *_ in FAULTS] == [1, 1, 1]
    [(service, revoked)] = of(screen, "UpstreamError")
    assert (service, revoked["says"]) == ("checkout", "Needs you: Renew the key.")
    assert screen["needs"] == "Needs you (2)"
    assert page.locator("#root .d-stat:has-text('Escalated') b").inner_text() == "2"
    assert page.get_by_text("more escalated issue").count() == 0


def test_the_inbox_and_the_head_of_an_issue(page):
    settled(page.goto("/approvals") and page)
    assert counted_alike(page) == 2
    page.get_by_role("link", name=re.compile("UpstreamError")).first.click()
    page.wait_for_selector("#root .d-stat")
    badges = [re.sub(r"^\W+", "", one) for one in page.locator("#root .d-head .d-badge").all_inner_texts()]
    assert badges == ["escalated", "low", "low impact", "checkout"]
    facts = facts_of(page)
    assert facts["Since release"] == "4f1c2ab" and re.match(r"\d", facts["Occurrences"]), facts

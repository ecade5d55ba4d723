"""Three faults of a running shop at once, as a person sees them: the first screen, the inbox, and one issue's page."""

from __future__ import annotations

import re

import pytest

from core.demo.faults import FAULTS
from core.demo.remote import RemoteControl
from tests.browser.first_screen import RANK, SCREEN, counted_alike, facts_of, of, says_what_is_wanted, worst_first
from tests.browser.server import READY
from tests.stories.showing import PATIENCE, showing

pytestmark = pytest.mark.long
AT_ONCE = [FAULTS[name] for name in ("checkout-note", "search-empty", "mailer-key-revoked")]
NAMED = """(names) => { // the three have issues that the platform has judged
  const issues = [...document.querySelectorAll("#root .d-failing-issue")].map((one) => one.innerText);
  return names.every((name) => issues.some((text) => text.includes(name) && !text.includes("unknown")));
}"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo in which three more faults were shipped, one right after the other."""
    folder = tmp_path_factory.mktemp("overlapping") / "demo"
    with showing(folder, tmp_path_factory.mktemp("log") / "demo.log") as window:
        for fault in AT_ONCE:
            RemoteControl(folder).post("break", fault.name)
        yield window


@pytest.fixture(scope="module")
def screen(demo) -> dict:
    """The first screen at a moment when each of the three has its issue."""
    page = demo("approver")
    page.wait_for_function(NAMED, arg=[fault.exception for fault in AT_ONCE], timeout=2 * PATIENCE)
    return page.evaluate(SCREEN)


def test_the_first_screen_leaves_nothing_out(screen):
    """Each service that a fault breaks is there with its rate, and each fault is one issue of its service."""
    assert {fault.service for fault in AT_ONCE} <= {row["name"] for row in screen["services"]}
    for row in screen["services"]:
        assert row["issues"] and re.fullmatch(r"[\d.]+ %|", row["rate"]), row
    for fault in AT_ONCE:
        assert [service for service, _ in of(screen, fault.exception)] == [fault.service]


def test_the_first_screen_names_the_worst_first(screen):
    worst_first(screen)


def test_the_first_screen_says_what_is_done_and_what_is_wanted(screen):
    says_what_is_wanted(screen)
    [(_, revoked)] = of(screen, "UpstreamError")
    step = "Renew the credential at its issuer and store the new one. A code change cannot fix this."
    assert revoked["says"] == f"Needs you: {step}"


def test_the_navigation_counts_what_the_inbox_holds(demo):
    page = demo("approver")
    page.get_by_role("link", name=re.compile("Needs you")).first.click()
    page.wait_for_selector("#root h1:has-text('Needs you')")
    assert counted_alike(page) >= 1


def test_the_head_of_an_issue_states_its_facts(demo):
    page = demo("viewer")
    page.get_by_role("link", name="Issues").first.click()
    page.locator("#root .d-table a:has-text('UpstreamError')").first.click()
    page.wait_for_selector("#root .d-head")
    page.wait_for_selector(READY)
    badges = page.locator("#root .d-head .d-badge").all_inner_texts()
    status, severity, impact, service = (re.sub(r"^\W+", "", one) for one in badges)
    assert status == "escalated" and RANK[severity] and impact.endswith(" impact") and service == "checkout"
    assert "Next step: Renew the credential" in page.locator("#root .d-head").inner_text()
    told = facts_of(page)
    for name in ("Errors a minute, last 5 min", "Occurrences", "First error", "Last error"):
        assert re.match(r"[\d.,]+", told[name]), (name, told)
    assert float(told["Errors a minute, last 5 min"].replace(",", "")) > 0
    assert re.fullmatch(r"[0-9a-f]{7,16}…?", told["Since release"]), told

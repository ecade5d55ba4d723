"""Three faults of a running shop at once, as a person sees them: the first screen, the inbox, and one issue's page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from core.demo.command import RemoteControl
from core.demo.faults import FAULTS
from tests.browser.server import READY
from tests.stories.showing import PATIENCE, showing

pytestmark = pytest.mark.long
AT_ONCE = [FAULTS[name] for name in ("checkout-note", "search-empty", "mailer-key-revoked")]
RANK = {"critical": 4, "high": 3, "medium": 2, "low": 1, "unknown": 0}
NAMED = """(names) => { // the three have issues that the platform has judged
  const issues = [...document.querySelectorAll("#root .d-failing-issue")].map((one) => one.innerText);
  return names.every((name) => issues.some((text) => text.includes(name) && !text.includes("unknown")));
}"""
SCREEN = """() => ({ // all of it at one moment
  needs: document.querySelector('[data-testid=stSidebarNav] a[href$="/approvals"]').innerText.trim(),
  services: [...document.querySelectorAll("#root .d-failing > li")].map((row) => ({
    name: row.querySelector(".d-failing-name").innerText,
    rate: row.querySelector(".d-failing-rate")?.innerText ?? "",
    issues: [...row.querySelectorAll(".d-failing-issue")].map((one) => ({
      badges: [...one.querySelectorAll(".d-badge")].map((badge) => badge.lastChild.textContent),
      title: one.querySelector("a").innerText, says: one.querySelector("p").innerText,
    })),
  })),
})"""
INBOX = """() => ({
  needs: document.querySelector('[data-testid=stSidebarNav] a[href$="/approvals"]').innerText.trim(),
  rows: document.querySelectorAll("#root .d-table[aria-label='Table: Open'] tbody tr").length,
})"""


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


def of(screen: dict, exception: str) -> list[tuple[str, dict]]:
    """The issues with this exception on the first screen, each with its service."""
    return [
        (row["name"], issue)
        for row in screen["services"]
        for issue in row["issues"]
        if re.match(rf"#\d+ {exception}\b", issue["title"])
    ]


def test_the_first_screen_leaves_nothing_out(screen):
    """Each service that a fault breaks is there with its rate, and each fault is one issue of its service."""
    assert {fault.service for fault in AT_ONCE} <= {row["name"] for row in screen["services"]}
    for row in screen["services"]:
        assert row["issues"] and re.fullmatch(r"[\d.]+ %|", row["rate"]), row
    for fault in AT_ONCE:
        assert [service for service, _ in of(screen, fault.exception)] == [fault.service]


def test_the_first_screen_names_the_worst_first(screen):
    ranks = [[RANK[issue["badges"][0]] for issue in row["issues"]] for row in screen["services"]]
    assert all(row == sorted(row, reverse=True) for row in ranks), ranks
    worst = [max(row) for row in ranks]
    assert worst == sorted(worst, reverse=True), worst


def test_the_first_screen_says_what_is_done_and_what_is_wanted(screen):
    """A person is asked for a step that they can take; otherwise it says what the platform does."""
    for row in screen["services"]:
        for issue in row["issues"]:
            for_a_person = issue["badges"][1] in ("escalated", "needs approval")
            assert issue["says"].startswith("Needs you: ") is for_a_person, issue
            assert not re.search(r"Row \d|Guards: ", issue["says"]), issue
    [(_, revoked)] = of(screen, "UpstreamError")
    assert revoked["says"] == "Needs you: Renew the credential at its issuer and store the new one. A code change " \
                              "cannot fix this."  # fmt: skip


def test_the_navigation_counts_what_the_inbox_holds(demo):
    page = demo("approver")
    page.get_by_role("link", name=re.compile("Needs you")).first.click()
    page.wait_for_selector("#root h1:has-text('Needs you')")
    page.wait_for_function(f"() => {{ const at = ({INBOX})(); return at.needs === `Needs you (${{at.rows}})`; }}")
    assert page.evaluate(INBOX)["rows"] >= 1


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


def facts_of(page: Page) -> dict[str, str]:
    """The figures of the open issue by their names."""
    return page.evaluate("""() => Object.fromEntries([...document.querySelectorAll("#root .d-stat")]
        .map((tile) => [tile.querySelector("span:not(.d-release)")?.innerText, tile.querySelector("b").innerText]))""")

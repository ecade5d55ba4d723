"""What the first screen, the inbox and an issue's page say at one moment, read from the browser."""

from __future__ import annotations

import re

from playwright.sync_api import Page

RANK = {"critical": 4, "high": 3, "medium": 2, "low": 1, "unknown": 0}
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


def worst_first(screen: dict) -> None:
    """The services, and the issues of each, stand in the order of their severities."""
    ranks = [[RANK[issue["badges"][0]] for issue in row["issues"]] for row in screen["services"]]
    assert all(row == sorted(row, reverse=True) for row in ranks), ranks
    worst = [max(row) for row in ranks]
    assert worst == sorted(worst, reverse=True), worst


def says_what_is_wanted(screen: dict) -> None:
    """A person is asked for a step that they can take; otherwise it says what the platform does."""
    for row in screen["services"]:
        for issue in row["issues"]:
            for_a_person = issue["badges"][1] in ("escalated", "needs approval")
            assert issue["says"] and issue["says"].startswith("Needs you: ") is for_a_person, issue
            assert not re.search(r"Row \d|Guards: ", issue["says"]), issue


def of(screen: dict, exception: str) -> list[tuple[str, dict]]:
    """The issues with this exception on the first screen, each with its service."""
    return [
        (row["name"], issue)
        for row in screen["services"]
        for issue in row["issues"]
        if re.match(rf"#\d+ {exception}\b", issue["title"])
    ]


def counted_alike(page: Page) -> int:
    """The inbox, once the navigation counts as many as it lists."""
    page.wait_for_function(f"() => {{ const at = ({INBOX})(); return at.needs === `Needs you (${{at.rows}})`; }}")
    return page.evaluate(INBOX)["rows"]


def facts_of(page: Page) -> dict[str, str]:
    """The figures of the open issue by their names."""
    return page.evaluate("""() => Object.fromEntries([...document.querySelectorAll("#root .d-stat")]
        .map((tile) => [tile.querySelector("span:not(.d-release)")?.innerText, tile.querySelector("b").innerText]))""")

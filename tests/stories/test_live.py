"""The demo as a visitor sees it: two faults of a running shop, from the first error to the fix, without a reload."""

from __future__ import annotations

import re

import pytest

from core.demo.faults import FAULTS
from core.demo.remote import behaves
from core.vendors.command import git
from tests.browser.server import READY
from tests.stories.showing import showing

BRIEF = ("fixing", "reviewing", "testing", "deploying")  # some take less than a second, and a busy machine draws late
NOTE = """() => {
  const told = window.told = [];
  new MutationObserver(() => {
    const badge = document.querySelector("#root .d-head .d-badge"), says = badge && badge.lastChild.textContent;
    if (says && says !== told.at(-1)) told.push(says);
  }).observe(document.getElementById("root"), { childList: true, subtree: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """``make demo``, with a browser at its door: (its folder, a window signed in as somebody)."""
    folder = tmp_path_factory.mktemp("live") / "demo"
    with showing(folder, tmp_path_factory.mktemp("log") / "demo.log") as window:
        yield folder, window


def opened(page, title: str):
    """The story of the issue that appears in the list with this title; what its badge says is noted from then on."""
    page.get_by_role("link", name="Issues").first.click()
    page.evaluate("window.mark = 1")
    page.locator(f"#root .d-table a:has-text('{title}')").first.click()
    page.wait_for_selector("#root .d-head")
    page.evaluate(NOTE)
    return page


def ends(page, status: str) -> list[str]:
    """What the badge said until it says ``status``; the page was never loaded anew."""
    page.wait_for_selector(f"#root .d-head .d-badge:has-text('{status}')")
    page.wait_for_selector(READY)
    assert page.evaluate("window.mark") == 1
    return page.evaluate("window.told")


def in_order(told: list[str], words: list[str]) -> bool:
    """Every one of the words was told, each after the one before it; a brief one may be over before it is drawn."""
    expected = [word for word in words if word not in BRIEF or word in told]
    return [word for word in told if word in words] == expected


def merged(folder) -> str:
    return git(folder / "origin.git", "log", "--format=%s", "main")


def test_a_fault_is_watched_from_its_first_error_to_its_fix(demo):
    """Nobody ships it but the demo, nobody clicks but to look."""
    folder, window = demo
    page = opened(window("viewer"), "AttributeError")
    told = ends(page, "resolved")
    assert set(told) & set(BRIEF), "it was seen at work"
    assert in_order(told, ["fixing", "reviewing", "testing", "deploying", "watching", "resolved"])
    assert page.locator(".d-journey li.d-ok").count() == page.locator(".d-journey li").count()
    assert "Fix AttributeError" in merged(folder) and behaves(folder, FAULTS["cart-address"])
    page.get_by_role("link", name="Pipeline").first.click()
    page.locator(".st-key-rate-cart").get_by_text("0.0 % of requests fail").wait_for()
    assert page.evaluate("window.mark") == 1


def test_a_critical_services_fix_waits_for_a_click_and_then_goes_live(demo):
    folder, window = demo
    page = window("approver")
    page.get_by_text("Break the shop").click()
    page.get_by_role("button", name="checkout-note").click()
    watching = opened(window("viewer"), "ValueError")
    told = ends(watching, "needs approval")
    assert "deploying" not in told and "Fix ValueError" not in merged(folder)
    page.get_by_role("link", name=re.compile("Needs you")).first.click()
    page.wait_for_selector("#root h1:has-text('Needs you')")
    page.wait_for_selector(READY)  # Pipeline has a button of that name too
    page.get_by_role("button", name="Approve").first.click()
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    assert in_order(ends(watching, "resolved"), ["needs approval", "deploying", "watching", "resolved"])
    assert "Fix ValueError" in merged(folder) and behaves(folder, FAULTS["checkout-note"])

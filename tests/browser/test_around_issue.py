"""A person's minutes on an issue in a real browser: a note, a subscription, the post-mortem, the diff, their theme."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlmodel import select

from core.db import store
from core.models import ChangeSet, Issue, Status
from core.models.access import Person
from core.models.following import Remark, Subscription
from tests.browser.server import browsing, number, serving, settled, visiting, watched

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("around")) as found:
        yield found


@pytest.fixture(scope="module")
def browser():
    with browsing() as found:
        yield found


def stored(table, *where) -> list:
    with store.read() as session:
        return list(session.exec(select(table).where(*where)).all())


def test_an_issue_by_keyboard(browser, address):
    issue = number(Status.ESCALATED)
    with visiting(browser, address, "operator") as visit:
        page = visit.new_page()
        faults = watched(page, address)
        settled(page.goto(f"/issues?issue={issue}") and page)
        page.keyboard.press("g")
        page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("Acknowledged by operator")).to_be_visible()
        page.get_by_role("button", name="Add note").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox").first.fill("The cache was restarted.")
        dialog.get_by_role("textbox").nth(1).fill("00:01")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".d-timeline")).to_contain_text("The cache was restarted.")
        page.get_by_role("button", name="Subscribe").click()
        page.get_by_role("dialog").get_by_role("button", name="Subscribe").click()
        expect(page.get_by_text("operator (on the page Needs you)")).to_be_visible()
        with page.expect_download() as told:
            page.get_by_role("button", name="Post-mortem").click()
        text = told.value.path().read_text(encoding="utf-8")
        assert text.startswith(f"# Post-mortem of issue {issue}") and "The cache was restarted." in text
        assert not faults
    assert [row.by for row in stored(Remark)] == ["operator"]
    assert [row.person for row in stored(Subscription)] == ["operator"]
    assert stored(Issue, Issue.id == issue)[0].acknowledged_by == "operator"


def test_a_diff_in_both_views(browser, address):
    change = stored(ChangeSet, ChangeSet.patch != "")[0].id
    with visiting(browser, address) as visit:
        page = visit.new_page()
        settled(page.goto(f"/codegen?change={change}") and page)
        keyword = page.locator(".d-diff .d-syn-k").first
        plain = page.locator(".d-diff .d-changed td").nth(1)
        colours = [one.evaluate("e => getComputedStyle(e).color") for one in (keyword, plain)]
        assert colours[0] != colours[1]
        page.get_by_text("Unified", exact=True).click()
        expect(page.locator(".d-diff.d-unified")).to_be_visible()


@pytest.mark.parametrize(("theme", "browsers"), [("dark", "light"), ("light", "dark"), ("", "dark")])
def test_the_theme_is_the_persons_own(browser, address, theme, browsers):
    with store.write() as session:
        session.get_one(Person, "viewer").theme = theme
    with visiting(browser, address, "viewer", color_scheme=browsers) as visit:
        page = visit.new_page()
        settled(page.goto("/issues") and page)
        ground = page.locator("[data-testid=stApp]").evaluate("e => getComputedStyle(e).backgroundColor")
        light = sum(int(part) for part in ground[4:-1].split(",")) > 3 * 128
        assert light is ((theme or browsers) == "light"), ground


def test_an_unknown_address_says_so(browser, address):
    with visiting(browser, address) as visit:
        page = visit.new_page()
        assert page.goto("/nonsense").status == 404
        expect(page.get_by_role("heading", name="This page does not exist")).to_be_visible()
        page.get_by_role("link", name="Open the pipeline").click()
        settled(page)

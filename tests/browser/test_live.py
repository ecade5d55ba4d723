"""A page that somebody keeps open while the store changes under it: nothing piles up, no click is lost."""

import pytest
from playwright.sync_api import expect

from core.db import store
from core.models import Issue, Status
from tests.browser.server import PHONE, browsing, number, serving, settled, visiting

pytestmark = pytest.mark.browser
COUNTED = """
  const Own = window.EventSource, streams = new Set();
  const count = () => { document.documentElement.dataset.streams = streams.size; };
  window.EventSource = class extends Own {
    constructor(address) { super(address); streams.add(this); count(); }
    close() { streams.delete(this); count(); super.close(); }
  };"""
HIDDEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("live")) as address, browsing() as browser:
        yield address, browser


@pytest.fixture
def page(served):
    with visiting(served[1], served[0], viewport={"width": 1440, "height": 900}) as visit:
        opened = visit.new_page()
        opened.add_init_script(COUNTED)
        settled(opened.goto("/issues") and opened)
        opened.evaluate("window.mark = 1")
        yield opened
        assert opened.evaluate("window.mark") == 1, "it was never loaded anew"


def seen(page, count: int) -> None:
    """Change the list's first issue, and wait until the page shows it."""
    with store.write() as session:
        session.get(Issue, newest(page)).occurrences = count
    expect(row(page)).to_contain_text(f"{count:,}")


def row(page):
    return page.locator("#root .d-table tbody tr").first


def newest(page) -> int:
    return int(row(page).locator("a").first.get_attribute("href").rpartition("=")[2])


def streams(page, count: int) -> None:
    expect(page.locator("html")).to_have_attribute("data-streams", str(count))


def test_one_stream_however_often_the_page_is_drawn(page):
    """A browser keeps six connections to a server: the seventh stream would leave none for anything else."""
    for count in range(70_001, 70_009):
        seen(page, count)
    streams(page, 1)
    page.get_by_role("link", name="Pipeline").first.click()
    page.wait_for_selector("#root h1:has-text('Pipeline')")
    streams(page, 1)


def test_a_hidden_tab_takes_no_connection_and_shows_what_changed_when_it_is_looked_at(page):
    page.evaluate(HIDDEN, True)
    streams(page, 0)
    with store.write() as session:
        session.get(Issue, newest(page)).occurrences = 71_001
    page.evaluate(HIDDEN, False)
    expect(row(page)).to_contain_text("71,001")
    streams(page, 1)


def test_a_click_counts_though_the_list_is_drawn_anew_under_the_finger(page):
    link = row(page).locator("a").first
    opens = newest(page)
    link.hover()
    page.mouse.down()
    seen(page, 72_001)
    page.mouse.up()
    page.wait_for_selector(f"#root h2:has-text('#{opens}'), #root .d-head:has-text('#{opens}')")
    assert page.url.endswith(f"/issues?issue={opens}")


def test_the_navigation_leads_from_an_issue_back_to_the_list(page):
    row(page).locator("a").first.click()
    page.wait_for_selector("#root .d-head")
    page.get_by_role("link", name="Issues", exact=True).first.click()
    page.wait_for_selector("#root .d-head", state="detached")
    row(page).wait_for()
    assert page.url.endswith("/issues")


def test_on_a_phone_the_navigation_closes_behind_that_click(served):
    with visiting(served[1], served[0], viewport={"width": 390, "height": 844}, user_agent=PHONE) as visit:
        page = visit.new_page()
        page.goto(f"/issues?issue={number(Status.FIXING)}")
        settled(page).get_by_test_id("stExpandSidebarButton").click()
        page.get_by_role("link", name="Issues", exact=True).first.click()
        page.wait_for_selector("#root .d-head", state="detached")
        expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")

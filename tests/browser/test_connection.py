"""An open page whose console stops, restarts, or whose session ends elsewhere."""

import pytest
from playwright.sync_api import expect
from sqlmodel import delete

from core.db import store
from core.models.access import SignIn
from tests.browser.server import browsing, serving, settled, visiting

pytestmark = pytest.mark.browser
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"  # the page looks at once, as after a change of tabs


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("connection")) as address, browsing() as browser:
        yield address, browser


@pytest.fixture
def page(served):
    with visiting(served[1], served[0], viewport={"width": 1440, "height": 900}) as visit:
        opened = visit.new_page()
        with opened.expect_response("**/alive"):
            settled(opened.goto("/issues") and opened)
        opened.evaluate("window.mark = 1")
        yield opened


def cover(page):
    return page.get_by_role("alertdialog")


def test_a_console_that_does_not_respond_is_covered_until_it_does(page):
    page.route("**/alive", lambda route: route.abort())
    page.evaluate(LOOK)
    page.evaluate(LOOK)
    expect(cover(page)).to_contain_text("Connection lost")
    expect(page.get_by_role("button", name="Try now")).to_be_focused()
    page.unroute("**/alive")
    expect(cover(page)).to_have_count(0)
    assert page.evaluate("window.mark") == 1, "the same process answers: nothing is loaded anew"
    page.get_by_role("link", name="Pipeline").first.click()
    page.wait_for_selector("#root h1:has-text('Pipeline')")


def test_one_failed_attempt_is_no_lost_connection(page):
    page.route("**/alive", lambda route: route.abort(), times=1)
    with page.expect_response("**/alive"):  # the attempt after the failed one
        page.evaluate(LOOK)
    expect(cover(page)).to_have_count(0)


def test_a_page_of_an_earlier_process_is_loaded_anew(page):
    page.route("**/alive", lambda route: route.fulfill(json={"boot": "another"}), times=1)
    with page.expect_navigation():
        page.evaluate(LOOK)
    settled(page)
    assert page.evaluate("window.mark") is None


def test_a_session_that_ended_elsewhere_leaves_no_data_on_the_screen(page):
    with store.write() as session:
        session.exec(delete(SignIn))
    page.evaluate(LOOK)
    expect(cover(page)).to_contain_text("Your session has ended")
    assert page.locator(".d-table").count() == 0 and page.locator("#root").inner_text() == ""
    assert page.get_by_role("link", name="Sign in").get_attribute("href") == "/login?next=%2Fissues"

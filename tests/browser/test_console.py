"""The console in a real browser: every page, live changes, an approval's dialog, the keyboard."""

import urllib.request

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlmodel import select

from core import store
from core.models import Issue, Status
from tests import screens
from tests.browser.server import ADDRESSES, browsing, serving, settled, visiting

pytestmark = pytest.mark.browser
LOOKS = [("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390)]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("console")) as address, browsing() as browser:
        yield address, browser


def number(status: Status) -> int:
    with store.read() as session:
        return session.exec(select(Issue.id).where(Issue.status == status)).first()


def move(issue: int, status: Status) -> None:
    with store.write() as session:
        session.get(Issue, issue).status = status


@pytest.fixture
def page(served):
    """A page that has collected no fault when the test ends."""
    address, browser = served
    with visiting(browser, address, viewport={"width": 1440, "height": 900}) as visit:
        opened = visit.new_page()
        faults = watched(opened, address)
        yield opened
        assert faults == []


def watched(page, address) -> list[str]:
    """Console errors, script errors, failed requests, and requests to anywhere else."""
    faults: list[str] = []
    own = (address, "data:", "blob:", address.replace("http", "ws"))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(own) else faults.append(f"outside: {r.url}"))
    page.on("response", lambda r: faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    return faults


@pytest.mark.parametrize("scheme, width", LOOKS)
def test_every_page_is_clean_and_fits(served, scheme, width):
    address, browser = served
    with visiting(browser, address, color_scheme=scheme, viewport={"width": width, "height": 900}) as visit:
        for path in ADDRESSES:
            page = visit.new_page()
            faults = watched(page, address)
            page.goto(path.format(issue=number(Status.AWAITING_APPROVAL)))
            settled(page)
            page.wait_for_selector(".d-lead")
            sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
            assert sizes[0] <= sizes[1], f"{path} is wider than {width}"
            assert not page.locator("[data-testid=stException]").count()
            assert faults == [], path
            page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(served, scheme):
    address, browser = served
    with visiting(browser, address, color_scheme=scheme) as visit:
        page = visit.new_page()
        for path in (*ADDRESSES, "/status", "/login", "/password"):
            page.goto(path.format(issue=number(Status.AWAITING_APPROVAL)))
            if path not in ("/status", "/login", "/password"):
                settled(page).wait_for_selector(".d-lead")
            found = Axe().run(page)
            assert found.violations_count == 0, f"{path}: {found.generate_report()}"


def test_a_change_in_the_store_is_seen_without_a_reload(page):
    issue = number(Status.FIXING)
    settled(page.goto("/") and page)
    page.evaluate("window.mark = 1")
    for status, words in (
        (Status.REVIEWING, "reviewing"),
        (Status.TESTING, "testing"),
        (Status.FIXING, "fixing"),
    ):
        move(issue, status)
        page.wait_for_selector(f"tr:has-text('#{issue}') .d-badge:has-text('{words}')", timeout=10_000)
    assert page.evaluate("window.mark") == 1


def test_a_dialog_stays_open_while_the_page_changes_under_it(page):
    issue = number(Status.FIXING)
    settled(page.goto("/") and page)
    page.get_by_role("button", name="Approve").first.click()
    page.wait_for_selector("[role=dialog]:has-text('Approve this patch for production?')")
    move(issue, Status.TESTING)
    page.wait_for_selector(f"tr:has-text('#{issue}') .d-badge:has-text('testing')", timeout=10_000)
    assert page.locator("[role=dialog]").is_visible()
    page.locator("[role=dialog]").get_by_role("button", name="Cancel").click()
    page.wait_for_selector("[role=dialog]", state="detached")
    move(issue, Status.FIXING)


def test_the_keyboard_opens_the_dialogs(page):
    settled(page.goto(f"/issues?issue={number(Status.AWAITING_APPROVAL)}") and page)
    page.wait_for_selector("button:has-text('Reject')")
    page.keyboard.press("x")
    page.wait_for_selector("[role=dialog]:has-text('Reject this patch?')")
    page.locator("[role=dialog]").get_by_role("button", name="Reject").click()
    page.wait_for_selector("text=Please say why")


def test_links_open_pages_without_a_reload(page):
    settled(page.goto("/") and page)
    page.evaluate("window.mark = 1")
    page.locator("svg.d-wide a[aria-label^='A person']").click()
    page.wait_for_selector("text=issues, the latest first")
    assert page.url.endswith("/issues?status=escalated")
    page.locator(".d-table a").first.click()
    page.wait_for_selector("text=All issues")
    assert page.evaluate("window.mark") == 1


def test_the_first_look_is_there_before_any_script(served):
    address, browser = served
    with visiting(browser, address) as visit:
        page = visit.new_page()
        page.route("**/static/js/**", lambda route: route.abort())
        page.goto("/issues")
        assert page.locator("#first h1").inner_text() == "Issues"
        assert page.locator("#first tbody tr").count() == 25


def test_a_policy_is_previewed_and_put_in_force_by_keyboard(page):
    settled(page.goto("/policy") and page)
    page.get_by_text("Change", exact=True).click()
    field = page.get_by_label("High severity, low impact (row 5)")
    field.fill("0.95")
    field.press("Tab")
    page.wait_for_selector("text=would flip")
    page.wait_for_selector("text=auto_contained = 0.95")
    page.locator("h1").click()
    page.keyboard.press("p")
    page.wait_for_selector("[role=dialog]:has-text('Put this policy in force?')")
    page.get_by_label("Why?").fill("two bad weeks")
    page.get_by_label("Why?").press("Tab")
    page.locator("[role=dialog]").get_by_role("button", name="Put in force").click()
    page.wait_for_selector("text=of the policy is in force")
    page.get_by_text("Versions", exact=True).click()
    page.wait_for_selector("tr:has-text('two bad weeks'):has-text('in force')")


def test_the_audit_trail_is_verified_on_screen(page):
    settled(page.goto("/audit") and page)
    page.get_by_role("button", name="Verify the whole chain").click()
    page.wait_for_selector("text=each follows the one before it")


def test_a_search_survives_a_live_change(page):
    settled(page.goto("/issues") and page)
    page.get_by_role("searchbox").fill("Zero")
    page.wait_for_selector("text=/^(9|10) issues, the latest first/")
    issue = number(Status.FIXING)
    move(issue, Status.REVIEWING)
    move(issue, Status.FIXING)
    page.wait_for_selector("text=/^(9|10) issues, the latest first/")
    assert page.get_by_role("searchbox").input_value() == "Zero"


def test_a_first_run_says_what_happens_next(tmp_path, served):
    _, browser = served
    with serving(tmp_path, seed=False) as address, visiting(browser, address) as visit:
        page = visit.new_page()
        page.goto(address)
        settled(page)
        page.wait_for_selector("text=The first starts within 5 min")


def test_the_server_ends_at_once_though_somebody_looks_on(tmp_path):
    with serving(tmp_path, seed=False) as address:  # its end waits for the process, 20 s at most
        known = {"Cookie": f"session={screens.cookie('viewer', 'looker')}", "User-Agent": "looker"}
        stream = urllib.request.urlopen(urllib.request.Request(f"{address}/live", headers=known), timeout=30)
        assert stream.readline().startswith(b"data: ")
    stream.close()

"""The console in a real browser: live changes, an approval's dialog, the keyboard."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import partial

import httpx
import pytest

from console.server import first_paint
from core.db import store
from core.models import Issue, Status
from tests import screens
from tests.browser.server import PHONE, browsing, number, serving, settled, visiting, watched

pytestmark = pytest.mark.browser
VIEWERS = 20


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("console")) as address, browsing() as browser:
        yield address, browser


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


def test_the_palette_finds_an_issue_by_keyboard(page):
    issue = number(Status.FIXING)
    settled(page.goto("/kpis") and page)
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Search").fill(f"#{issue}")
    page.wait_for_selector(f"#d-hits li:has-text('#{issue}')")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/issues?issue={issue}")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert "Search everything" in page.get_by_role("dialog", name="Keys").inner_text()


def test_the_navigation_counts_what_needs_a_person_without_a_reload(page):
    settled(page.goto("/") and page)
    page.wait_for_selector("[data-testid=stSidebarNav] a:has-text('Needs you (9)')")
    issue = number(Status.FIXING)
    move(issue, Status.ESCALATED)
    page.wait_for_selector("[data-testid=stSidebarNav] a:has-text('Needs you (10)')")
    move(issue, Status.FIXING)
    page.wait_for_selector("[data-testid=stSidebarNav] a:has-text('Needs you (9)')")


def test_a_dialog_stays_open_and_written_in_while_the_page_changes_under_it(page):
    """The change comes as a fragment's rerun: a full one would draw the sidebar again and close the dialog."""
    sidebars = []

    def seen(frame: str | bytes) -> None:
        if b"d-person-here" in (frame.encode() if isinstance(frame, str) else frame):
            sidebars.append(frame)

    page.on("websocket", lambda socket: socket.on("framereceived", seen))
    issue = number(Status.FIXING)
    settled(page.goto("/") and page)
    page.get_by_role("button", name="Reject").first.click()
    dialog = page.locator("[role=dialog]")
    dialog.get_by_role("textbox").fill("not before the sale")
    drawn = len(sidebars)
    assert drawn, "the page's first run draws the sidebar"
    for status, words in ((Status.TESTING, "testing"), (Status.REVIEWING, "reviewing"), (Status.FIXING, "fixing")):
        move(issue, status)
        page.wait_for_selector(f"tr:has-text('#{issue}') .d-badge:has-text('{words}')", timeout=10_000)
    assert len(sidebars) == drawn
    assert dialog.get_by_role("textbox").input_value() == "not before the sale"
    dialog.get_by_role("button", name="Cancel").click()  # one click is enough
    page.wait_for_selector("[role=dialog]", state="detached")


async def looking_on(address: str, changes: list[Callable[[], None]]) -> list[int]:
    """The version that VIEWERS signed-in streams all come to hear: at first and after each change.

    The store may change beside ours (a visit is written down), so some hear one version more than others for a moment.
    """

    async def hears(lines: AsyncIterator[str], least: int) -> int:
        versions = (int(line[6:]) async for line in lines if line.startswith("data: "))
        return await anext(version async for version in versions if version >= least)

    known = {"Cookie": f"session={screens.cookie('viewer', 'looker')}", "User-Agent": "looker"}
    async with httpx.AsyncClient(base_url=address, headers=known, timeout=30) as client, AsyncExitStack() as open_:
        streams = [await open_.enter_async_context(client.stream("GET", "/live")) for _ in range(VIEWERS)]
        viewers = [stream.aiter_lines() for stream in streams]
        heard: list[int] = []
        for change in (lambda: None, *changes):
            await asyncio.to_thread(change)
            told = await asyncio.gather(*(hears(lines, heard[-1] + 1 if heard else 0) for lines in viewers))
            while len(set(told)) > 1:
                newest = max(told)
                behind = zip(told, viewers, strict=True)
                told = [have if have == newest else await hears(lines, newest) for have, lines in behind]
            heard.append(told[0])
        return heard


def test_twenty_look_on_and_each_hears_every_change(served):
    issue = number(Status.FIXING)
    statuses = (Status.REVIEWING, Status.TESTING, Status.FIXING)
    changes = [partial(move, issue, status) for status in statuses]
    with ThreadPoolExecutor(1) as beside:  # Playwright has this thread's loop
        heard = beside.submit(asyncio.run, looking_on(served[0], changes)).result()
    assert len(heard) == 1 + len(statuses)
    assert heard == sorted(set(heard)), "each change is told anew, to all"


def test_the_keyboard_opens_the_dialogs(page):
    settled(page.goto(f"/issues?issue={number(Status.AWAITING_APPROVAL)}") and page)
    page.wait_for_selector("button:has-text('Reject')")
    page.keyboard.press("x")
    page.wait_for_selector("[role=dialog]:has-text('Reject this patch?')")
    page.locator("[role=dialog]").get_by_role("button", name="Reject").click()
    page.wait_for_selector("text=Enter a reason")


def test_links_open_pages_without_a_reload(page):
    settled(page.goto("/") and page)
    page.evaluate("window.mark = 1")
    page.locator("svg.d-wide a[aria-label^='Escalated']").click()
    page.wait_for_selector("text=issues, newest first")
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
        assert page.locator("#first tbody tr").count() == first_paint.SEEN


def test_a_policy_is_previewed_and_put_in_force_by_keyboard(page):
    settled(page.goto("/policy") and page)
    page.get_by_text("Change", exact=True).click()
    field = page.get_by_label("High severity, low impact (row 5)")
    field.fill("0.95")
    field.press("Tab")
    page.wait_for_selector("text=Would change")
    page.wait_for_selector("text=auto_contained = 0.95")
    page.locator("h1").click()
    page.keyboard.press("p")
    page.wait_for_selector("[role=dialog]:has-text('Apply this policy?')")
    page.get_by_label("Why?").fill("two bad weeks")
    page.get_by_label("Why?").press("Tab")
    page.locator("[role=dialog]").get_by_role("button", name="Apply policy").click()
    page.wait_for_selector("text=is in force from the next decision on")
    page.get_by_text("Versions", exact=True).click()
    page.wait_for_selector("tr:has-text('two bad weeks'):has-text('in force')")


def test_the_audit_trail_is_verified_on_screen(page):
    settled(page.goto("/audit") and page)
    page.get_by_role("button", name="Verify the chain").click()
    page.wait_for_selector("text=the chain is intact")


def test_a_search_survives_a_live_change(page):
    settled(page.goto("/issues") and page)
    page.get_by_role("searchbox").fill("Zero")
    page.wait_for_selector("text=/^(9|10) issues, newest first/")
    issue = number(Status.FIXING)
    move(issue, Status.REVIEWING)
    move(issue, Status.FIXING)
    page.wait_for_selector("text=/^(9|10) issues, newest first/")
    assert page.get_by_role("searchbox").input_value() == "Zero"


def test_a_phone_shows_the_list_first_and_filters_it_on_demand(served):
    address, browser = served
    with visiting(browser, address, viewport={"width": 390, "height": 844}, user_agent=PHONE) as visit:
        page = visit.new_page()
        page.goto("/issues?service=cart")
        assert settled(page).get_by_label("Severity").count() == 0
        page.get_by_role("button", name="Filters (1)").click()
        page.get_by_label("Severity").click()
        page.get_by_role("option", name="high", exact=True).click()
        page.wait_for_url("**severity=high**")
        page.get_by_label("Status").wait_for()  # it stays open while the list behind it follows
        page.reload()
        settled(page).get_by_role("button", name="Filters (2)").wait_for()


def test_a_first_run_says_what_happens_next_and_ends_at_once_though_somebody_looks_on(tmp_path, served):
    _, browser = served
    with serving(tmp_path, seed=False) as address:  # its end waits for the process, 20 s at most
        with visiting(browser, address) as visit:
            page = visit.new_page()
            settled(page.goto(address) and page).wait_for_selector("text=The first starts within 5 min")
        known = {"Cookie": f"session={screens.cookie('viewer', 'looker')}", "User-Agent": "looker"}
        stream = urllib.request.urlopen(urllib.request.Request(f"{address}/live", headers=known), timeout=30)
        assert stream.readline().startswith(b"data: ")
    stream.close()

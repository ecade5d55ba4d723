"""By keyboard alone: a person's decisions in the inbox, the lists, the palette's results, and the list of keys."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import select

from console.page import PAGES
from core import runtime
from core.audit import chain
from core.db import store
from core.models import Analysis, Approval, AuditRow, Issue, Outcome, Severity, Status
from core.models.access import Person, Role
from core.runtime import Runtime
from tests import blank, factories, scenes, screens
from tests.browser.server import READY, browsing, serving, settled, visiting
from tests.browser.test_people import toast, write
from tests.guards.test_release_actions import rolled_back
from tests.pages.test_pages import HOSTILE

pytestmark = pytest.mark.browser
COMMIT = "4f1c2ab" * 5


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("keyboard"), seed=False) as address, browsing() as browser:
        runtime.use(Runtime(screens.process.settings()))
        blank.workflows()
        yield address, browser


@pytest.fixture
def window(served):
    """``window("operator", "/approvals")``: this page, with this person signed in."""
    address, browser = served
    opened = []

    def make(person: str, path: str) -> Page:
        visit = visiting(browser, address, person, viewport={"width": 1440, "height": 900})
        opened.append(visit)
        page = visit.new_page()
        page.goto(path)
        settled(page).wait_for_selector(".d-lead")
        return page

    yield make
    for visit in opened:
        visit.close()


@pytest.fixture
def issue(served) -> Issue:
    """An escalated issue with a rolled-back patch and a suspect change, which is the second of two in the inbox."""
    with store.write() as session:
        for other in session.exec(select(Issue)):
            other.status = Status.DISMISSED
        factories.issue(session, status=Status.ESCALATED, severity=Severity.CRITICAL)
    made, _ = rolled_back(severity=Severity.LOW)
    with store.write() as session:
        found = session.exec(select(Analysis).where(Analysis.issue_id == made.id)).one()
        suspect = {"name": "Read prices from the cache", "sha": COMMIT, "score": 0.8}
        found.evidence = [{"says": "", "weight": 0, "change": suspect}]
    return made


def reached(window, person: str, issue: Issue) -> Page:
    """The inbox, moved on to this issue."""
    page = window(person, "/approvals")
    page.keyboard.press("j")
    page.wait_for_selector(f".d-head:has-text('#{issue.id} ')")
    page.wait_for_selector(READY)
    return page


def asked(page: Page, key: str, question: str) -> None:
    page.keyboard.press(key)
    page.wait_for_selector(f"[role=dialog]:has-text('{question}') [class*=st-key-do-] button")


def told(action: str, issue: Issue) -> list[tuple[str, dict]]:
    """Who did this with the issue, and what the trail keeps of it."""
    with store.read() as session:
        where = AuditRow.action == action, AuditRow.subject == f"issue/{issue.id}"
        return [(row.actor, row.detail) for row in session.exec(select(AuditRow).where(*where))]


def kept(issue: Issue) -> Issue:
    with store.read() as session:
        return session.get_one(Issue, issue.id)


def test_an_issue_is_resolved(window, issue):
    page = reached(window, "operator", issue)
    asked(page, "s", "Record your own resolution?")
    write(page, "restored the price list")
    page.keyboard.press("Control+Enter")
    toast(page, "Recorded.")
    assert (kept(issue).status, kept(issue).resolution) == (Status.RESOLVED, "restored the price list")
    with store.read() as session:
        ends = session.exec(select(Outcome).where(Outcome.issue_id == issue.id)).all()
    assert ("human", "operator") in [(row.result, row.by) for row in ends]
    [(actor, detail)] = told("resolve", issue)
    assert (actor, detail["how"], detail["cured"]) == ("operator", "restored the price list", True)


def test_a_rolled_back_patch_is_released_anyway(window, issue):
    page = reached(window, "approver", issue)
    asked(page, "y", "Release this patch again?")
    write(page, "it was the database")
    page.keyboard.press("Control+Enter")
    toast(page, "Run 2 has started.")
    assert kept(issue).run == 2
    [(actor, detail)] = told("release_anyway", issue)
    assert (actor, detail["reason"], detail["run"]) == ("approver", "it was the database", 2)
    with store.read() as session:
        rows = session.exec(select(Approval).where(Approval.issue_id == issue.id)).all()
    assert ("approved", "approver") in [(row.state, row.by) for row in rows]


def test_the_revert_of_a_suspect_change_is_proposed(window, issue):
    page = reached(window, "operator", issue)
    asked(page, "u", "Propose to revert the suspect change?")
    page.keyboard.press("Control+Enter")
    toast(page, "Run 2 has started.")
    assert (kept(issue).run, kept(issue).reverts, kept(issue).requested_by) == (2, COMMIT, "operator")
    assert [(actor, detail["commit"]) for actor, detail in told("revert_change", issue)] == [("operator", COMMIT)]


def test_a_viewer_decides_nothing(window, issue):
    page = reached(window, "viewer", issue)
    for key in ("s", "y", "u", "n", "d"):
        page.keyboard.press(key)
    page.keyboard.press("k")  # the page has heard all of them once it moves
    page.wait_for_selector(f".d-head:has-text('#{issue.id} ')", state="detached")
    assert page.get_by_role("dialog").count() == 0
    assert (kept(issue).status, kept(issue).run) == (Status.ESCALATED, 1)


@pytest.fixture(scope="module")
def rows(served):
    """Three rows in each list."""
    with store.write() as session:
        for _ in range(3):
            scenes.story(session, Status.RESOLVED)
            chain.record(session, "bob", "roll_back", "deployment/1", {"reason": "odd prices"})


def here(page: Page) -> str:
    return page.evaluate("document.activeElement.getAttribute('href') ?? ''")


@pytest.mark.parametrize("path", ["/issues", "/codegen", "/deployments", "/audit"])
def test_j_and_k_go_through_a_list(window, rows, path):
    page = window("admin", path)
    links = page.evaluate("""[...document.querySelectorAll("#root .d-table tbody tr")]
        .map((row) => row.querySelector("a[data-nav]")?.getAttribute("href")).filter(Boolean)""")
    assert len(links) >= 3
    for key, place in (("j", 0), ("j", 1), ("k", 0), ("k", -1), ("j", 0)):
        page.keyboard.press(key)
        assert here(page) == links[place]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{links[0]}")


def test_a_typed_j_stays_in_its_field(window, rows):
    page = window("admin", "/issues")
    page.get_by_role("searchbox").press_sequentially("jk")
    assert page.get_by_role("searchbox").input_value() == "jk"


@pytest.mark.parametrize("name", PAGES)
def test_each_page_lists_its_keys(window, rows, name):
    page = window("admin", "/" if name == "pipeline" else f"/{name}")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Search everything")
    for label in page.locator("#root button:visible:has(kbd)").all_inner_texts():
        expect(keys).to_contain_text(label.splitlines()[0])
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)


@pytest.mark.parametrize(
    ("typed", "kind", "address", "shown"),
    [
        ("bob", "person", r"/people\?name=bob", "Everyone"),
        ("automatic deployments", "policy", r"/policy\?setting=guards.deployments_per_hour", "Key in platform.toml"),
        ("odd prices", "audit", r"/audit\?row=\d+", "Hash of the previous row"),
        (
            "ways to production",
            "help",
            r"/documentation\?document=operations&section=ways-to-production",
            "Ways to production",
        ),
    ],
)
def test_the_palette_leads_to_each_place(window, rows, typed, kind, address, shown):
    page = window("admin", "/kpis")
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Search").fill(typed)
    page.wait_for_selector(f"#d-hits li[aria-selected=true] i:text-is('{kind}')")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(address))
    page.wait_for_selector(f"#root >> text={shown}")


def test_a_strangers_name_is_text_in_the_palette_and_on_its_page(window, served):
    with store.write() as session:
        session.merge(Person(name=HOSTILE, role=Role.VIEWER))
        chain.record(session, HOSTILE, "approve", "issue/1", {"reason": HOSTILE})
    page = window("admin", "/kpis")
    ran = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Search").fill("alert(1)")
    expect(page.locator("#d-hits li")).to_have_count(2)
    expect(page.locator("#d-hits img, #d-hits script")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url("**/people?name=**")
    expect(page.locator("#root .d-table")).to_contain_text(HOSTILE)
    page.go_back()
    assert ran == []


@pytest.mark.parametrize(("key", "name"), [("/", "Search"), ("?", "Keys")])
def test_tab_stays_in_a_dialog_until_it_closes(window, issue, key, name):
    page = window("viewer", "/issues")
    page.keyboard.press(key)
    page.wait_for_selector(f".d-palette[aria-label='{name}']")
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('#root')")
    page.keyboard.press("Escape")
    page.wait_for_selector(".d-palette", state="detached")
    assert page.evaluate("!document.getElementById('root').inert")

"""People at the console, in a real browser: each signs in, answers, is refused; two at once; attacks."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from sqlmodel import select

from core import runtime
from core.access import accounts, sessions
from core.audit import chain
from core.db import store
from core.models import Approval, AuditRow, ChangeSet, Deployment, Status, now
from core.models.access import Role
from core.runtime import Runtime
from tests import blank, factories, scenes, screens, waiting
from tests.browser.server import READY, browsing, serving, settled, visiting
from tests.browser.vercel import project
from tests.pages.test_pages import HOSTILE

pytestmark = pytest.mark.browser
PASSWORD = "four-people-work-here"
PLATFORM = screens.PLATFORM


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with project("dpl_9d03") as vercel:
        values = {"platform": PLATFORM, "vercel_url": f"http://127.0.0.1:{vercel.server_port}", "vercel_token": "t"}
        folder = tmp_path_factory.mktemp("console")
        with serving(folder, seed=False, **values) as address, browsing() as browser:
            runtime.use(Runtime(screens.process.settings()))
            blank.workflows()
            accounts.demo_people(PASSWORD)
            yield address, browser, vercel


@pytest.fixture
def window(served):
    """``window("bob")``: a page of a browser of its own in which this person is signed in; "" nobody."""
    address, browser, _ = served
    opened = []

    def make(person: str = "", **options):
        visit = visiting(browser, address, person, **options) if person else browser.new_context(base_url=address)
        opened.append(visit)
        return visit.new_page()

    yield make
    for visit in opened:
        visit.close()


def go(page, path: str):
    page.goto(path)
    settled(page).wait_for_selector(".d-lead")
    return page


def confirm(page, button: str, reason: str = "") -> None:
    """Fill the open dialog and confirm it."""
    dialog = page.locator("[role=dialog]")
    if reason:
        dialog.get_by_role("textbox").last.fill(reason)
        page.keyboard.press("Tab")
    dialog.get_by_role("button", name=button).click()


STOPS = 4  # where Tab leads in a dialog: its cross, the text, two buttons


def write(page, words: str) -> None:
    """By keyboard alone, into the text of the dialog that has just opened."""
    expect(page.get_by_role("dialog")).to_be_focused()
    for _ in range(2 * STOPS):  # a page that is drawn anew meanwhile may take the first ones
        page.keyboard.press("Tab")
        if page.locator("[role=dialog] textarea:focus").count():
            break
    page.wait_for_selector("[role=dialog] textarea:focus")
    page.keyboard.type(words)


def toast(page, words: str) -> None:
    """The answer is told, and the dialog that asked has left: the next key is the page's."""
    page.wait_for_selector(f"[data-testid=stToast]:has-text('{words}')", timeout=15_000)
    page.wait_for_selector("[role=dialog]", state="detached")


@pytest.mark.parametrize("role", Role)
def test_each_role_signs_in_and_finds_its_buttons(served, window, role):
    number, issue, _ = waiting.question()
    page = window()
    page.goto(f"/approvals?approval={number}")
    assert page.url.endswith(f"/login?next=%2Fapprovals%3Fapproval%3D{number}")
    page.get_by_label("Name or e-mail address").fill(role.value)
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    assert "wrong, or the account is temporarily locked" in page.get_by_role("alert").inner_text()
    page.get_by_label("Name or e-mail address").fill(role.value)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    settled(page).wait_for_selector(f"h2:has-text('Approval {number}')")
    assert page.get_by_role("button", name="Approve").count() == (role in (Role.APPROVER, Role.ADMIN))
    page.get_by_text("Sign out", exact=True).click()
    page.get_by_text("You are signed out.").wait_for()
    page.goto("/issues")
    assert "/login" in page.url


def test_an_approver_works_the_whole_inbox_by_keyboard(window):
    """Next, previous, approve, reject with a reason, escalate, hand back: no mouse."""
    with store.write() as session:
        for row in session.exec(select(Approval).where(Approval.state == "pending")):
            row.state = "stale"
    ids = [waiting.question(expires_at=now() + timedelta(hours=n))[0] for n in (1, 2, 3)]
    page = go(window("approver"), "/approvals")
    buttons = ".st-key-pass_on-{} button"  # the last of each question's own
    for key, number in (("j", ids[1]), ("j", ids[2]), ("j", ids[0]), ("k", ids[2])):
        page.keyboard.press(key)
        page.wait_for_selector(buttons.format(number))
    page.keyboard.press("a")
    page.wait_for_selector("[role=dialog]:has-text('Approve this patch for production?') [class*=st-key-do-] button")
    page.keyboard.press("Control+Enter")
    toast(page, "Approved. The release starts.")
    assert (waiting.state(ids[2]).state, waiting.state(ids[2]).by) == ("approved", "approver")
    page.keyboard.press("j")
    page.wait_for_selector(buttons.format(ids[0]))
    page.keyboard.press("x")
    page.wait_for_selector("[role=dialog]:has-text('Reject this patch?') textarea")
    write(page, "not before the sale")
    page.keyboard.press("Control+Enter")
    toast(page, "Rejected. The issue is escalated.")
    assert (waiting.state(ids[0]).state, waiting.state(ids[0]).reason) == ("rejected", "not before the sale")
    page.keyboard.press("j")
    page.wait_for_selector(buttons.format(ids[1]))
    page.wait_for_selector(READY)
    page.keyboard.press("e")
    page.wait_for_selector("[role=dialog]:has-text('Reassign this approval?') textarea")
    found = Axe().run(page, context={"exclude": [[".stToast"]]})  # Streamlit's own toast has no name
    assert found.violations_count == 0, found.generate_report()
    write(page, "your code")
    page.keyboard.press("Tab")
    page.keyboard.type("bob")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # the choice's own cross
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # on the button itself
    toast(page, "Assigned to bob")
    assert waiting.state(ids[1]).assignee == "bob"
    bob = go(window("bob"), f"/approvals?approval={ids[1]}")
    bob.get_by_role("button", name="Hand back").wait_for()
    bob.keyboard.press("h")
    bob.wait_for_selector("[role=dialog]:has-text('Hand this approval back?') textarea")
    write(bob, "on leave")
    bob.keyboard.press("Control+Enter")
    toast(bob, "Handed back")
    page.get_by_role("button", name="Approve").wait_for()  # the other window follows by itself


def test_whoever_asked_for_a_fix_of_a_critical_service_does_not_approve_it(window):
    number, _, _ = waiting.question("checkout", requested_by="bob")
    page = go(window("bob"), f"/approvals?approval={number}")
    page.wait_for_selector("text=Four eyes: bob requested this fix of checkout")
    assert page.get_by_role("button", name="Approve").count() == 0
    other = go(window("approver"), f"/approvals?approval={number}")
    other.get_by_role("button", name="Approve").click()
    confirm(other, "Approve")
    toast(other, "approved")


def approving(window, person: str, number: int):
    """The page of an approval with the dialog of its button open."""
    page = go(window(person), f"/approvals?approval={number}")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_selector("[role=dialog]")
    return page


def test_a_role_taken_away_counts_at_the_click(window):
    number, _, _ = waiting.question()
    page = approving(window, "bob", number)
    accounts.set_role("bob", Role.VIEWER, by="admin")
    try:
        confirm(page, "Approve")
        page.wait_for_selector("[role=dialog]:has-text('bob (viewer) cannot approve')")
        assert waiting.state(number).state == "pending"
    finally:
        accounts.set_role("bob", Role.APPROVER, by="admin")


def test_two_people_at_once_one_wins_and_the_other_is_told(window):
    number, _, _ = waiting.question()
    pages = [approving(window, person, number) for person in ("bob", "approver")]
    for page in pages:
        confirm(page, "Approve")
    toast(pages[0], "approved")
    pages[1].wait_for_selector("[role=dialog]:has-text('Already approved by bob')")
    assert waiting.state(number).by == "bob"


def test_a_stale_approval_is_refused(window):
    number, _, _ = waiting.question()
    page = approving(window, "bob", number)
    with store.write() as session:
        session.get_one(ChangeSet, waiting.state(number).change_set_id).patch_hash = "f" * 64
    confirm(page, "Approve")
    page.wait_for_selector("[role=dialog]:has-text('the patch has changed')")
    assert waiting.state(number).state == "pending"


def test_an_expired_session_shows_nothing_more(window):
    number, issue, _ = waiting.question()
    page = approving(window, "bob", number)
    with store.write() as session:
        accounts.end_sign_ins(session, "bob")
    page.wait_for_selector("text=Your session has ended")
    assert page.locator(".d-head").count() == 0 and waiting.state(number).state == "pending"
    confirm(page, "Approve")
    page.wait_for_selector("[role=dialog]:has-text('Nothing changed. Sign in again.')")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Password").wait_for()


def test_production_is_rolled_back_and_the_time_is_the_next_rehearsal(served, window):
    _, _, vercel = served
    with store.write() as session:
        shipped = scenes.story(session, Status.RESOLVED)
        live = session.exec(select(Deployment).where(Deployment.issue_id == shipped.id,
                                                     Deployment.environment == "production")).one()  # fmt: skip
    page = go(window("approver"), f"/deployments?deployment={live.id}")
    page.get_by_role("button", name="Roll back").click()
    confirm(page, "Roll back", "prices look odd")
    toast(page, "rolled back to dpl_4f1c")
    assert vercel.live == "dpl_4f1c"
    assert sum("/rollback/dpl_4f1c" in line for line in vercel.asked) == 1
    assert waiting.issue(shipped.id).status is Status.ESCALATED
    number, _, _ = waiting.question()
    go(page, f"/approvals?approval={number}").wait_for_selector("text=the last rollback took")


# --- attacks -----------------------------------------------------------------------------------------


def test_a_strangers_script_never_runs(window):
    """Hostile text in every field of an issue's whole story, on every page that shows it."""
    with store.write() as session:
        for status in (Status.AWAITING_APPROVAL, Status.RESOLVED):
            issue = scenes.story(session, status, text=HOSTILE)
        factories.connector(session, HOSTILE, failures=2, error=HOSTILE)
        asked = session.exec(select(Approval).where(Approval.issue_id == issue.id - 1)).one()
        asked.sqlmodel_update({"requested_by": HOSTILE, "assignee": HOSTILE})
        change = session.exec(select(ChangeSet.id).where(ChangeSet.issue_id == issue.id)).one()
        deployment = session.exec(select(Deployment.id).where(Deployment.issue_id == issue.id)).first()
    page = window("admin")
    ran = []
    page.on("dialog", lambda dialog: (ran.append(dialog.message), dialog.dismiss()))
    for path in (
        "/",
        f"/approvals?approval={asked.id}",
        "/issues",
        f"/issues?issue={issue.id}",
        "/codegen",
        f"/codegen?change={change}",
        "/deployments",
        f"/deployments?deployment={deployment}",
        "/kpis",
    ):
        go(page, path)
    page.goto("/login?next=" + "%22%3E%3Cscript%3Ealert(9)%3C/script%3E")
    page.goto("/status")
    assert ran == []


def test_a_forged_or_guessed_cookie_and_address_lead_to_the_sign_in(served, window):
    address, _, _ = served
    page = window()
    for value in ("x" * 43, sessions.digest("admin"), screens.cookie("admin", "another browser")):
        page.context.add_cookies([{"name": "session", "value": value, "url": address}])
        for path in ("/", "/approvals?approval=1", "/settings", "/policy"):
            page.goto(path)
            assert "/login?next=" in page.url
    assert page.evaluate("fetch('/live').then(r => r.status)") == 401
    closed = page.evaluate("""() => new Promise(done => {
        const socket = new WebSocket(location.origin.replace('http', 'ws') + '/_stcore/stream');
        socket.onopen = () => done('open'); socket.onerror = () => done('refused');
    })""")
    assert closed == "refused"


def test_a_form_of_another_site_signs_nobody_in(served, window):
    address, _, _ = served
    page = window()
    page.set_content(f"<form method=post action='{address}/login'><input name=name value=admin>"
                     f"<input name=password value={PASSWORD}><input name=ticket value=x></form>")  # fmt: skip
    page.evaluate("document.forms[0].submit()")
    page.wait_for_selector("text=This form has expired or was already submitted")
    assert not [c for c in page.context.cookies() if c["name"] == "session"]


def test_a_tampered_audit_row_is_found(served):
    with store.write() as session:
        chain.record(session, "bob", "approve", "issue/1", {"reason": "looks right"})
    with store.read() as session:
        assert chain.verify(session).ok
        row = session.exec(select(AuditRow).order_by(AuditRow.id.desc())).first()
        session.connection().exec_driver_sql("SELECT 1")
    with sqlite3.connect(store.engine().url.database) as raw:
        raw.execute("UPDATE auditrow SET actor = 'eve' WHERE id = ?", (row.id,))
    with store.read() as session:
        told = chain.verify(session)
    assert (told.ok, told.message) == (False, f"row {row.id} was changed after it was written")

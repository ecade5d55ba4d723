"""Each page with 100,000 issues is bounded; with a locked store it shows a designed error."""

import sqlite3
from datetime import timedelta

import pytest

from console import process
from console.page import PAGES
from core.db import store
from core.models import now
from core.models.access import Person, Role
from core.queries import counting, saved_views
from core.signals import triage_rules
from tests import factories, screens
from tests.bench.console import history

MOST = 150_000  # characters of HTML that one page draws


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A console with 100,000 issues and their related rows."""
    settings = screens.open_console(tmp_path_factory.mktemp("many"))
    history.write(signals=2_000, issues=100_000)
    return settings


def test_every_page_with_100_000_issues_is_bounded(many):
    """One test for all pages, so that one process writes the database."""
    process.configure(many)
    seen = {page: screens.visit(page) for page in PAGES}
    assert not [page for page, at in seen.items() if at.exception]
    told = {page: screens.seen(at) for page, at in seen.items()}
    assert not [page for page, text in told.items() if "The database is not responding" in text]
    assert not {page: len(text) for page, text in told.items() if len(text) >= MOST}
    assert "100,000 issues, newest first; 25 on this page." in told["issues"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_a_locked_store_shows_what_to_do(tmp_path, page):
    """WAL lets readers read during a write; a database tool or a backup may hold an exclusive lock."""
    settings = screens.open_console(tmp_path)
    store.engine().dispose()
    holder = sqlite3.connect(tmp_path / "platform.db", isolation_level=None)
    holder.executescript("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE held (x);")
    patient = store.make_engine
    store._engine = impatient(settings.database)
    try:
        at = screens.visit(page)
    finally:
        holder.close()
        store._engine = patient(settings.database)
    assert not at.exception
    assert "The database is not responding" in screens.seen(
        at
    ) and "Another process has locked the database" in screens.seen(at)


def impatient(url: str):
    """An engine that waits only briefly for a lock, not for 30 s."""
    from sqlalchemy import create_engine, event

    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 0.01})
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=10"))
    return engine


def test_a_list_notes_what_it_omits(tmp_path):
    """One more than each list shows: services of the filter, saved views, silences, people."""
    screens.open_console(tmp_path)
    with store.write() as session:
        for n in range(counting.LISTED + 1):
            factories.issue(session, service=f"service-{n:03}")
            session.add(Person(name=f"person-{n:03}", role=Role.VIEWER))
        session.add_all(
            triage_rules.Silence(service="*", title=f"t{n}", reason="r", by="ada", ends_at=now() + timedelta(hours=1))
            for n in range(triage_rules.LISTED + 1)
        )
        for n in range(saved_views.LISTED + 1):
            saved_views.keep(session, "admin", f"view {n:02}", "status=new")
    at = screens.visit("issues", service="service-200")
    chosen = next(box for box in at.selectbox if box.label == "Service")
    assert chosen.value == "service-200" and "Showing the first 200 by name." in chosen.help
    assert "Showing the first 50 by name." in screens.seen(at)
    said = screens.seen(screens.visit("settings"))
    assert "Showing the 100 that end first." in said and "Showing the first 200 by name." in said

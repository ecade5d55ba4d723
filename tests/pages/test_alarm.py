"""The alarm is at the top of every page while production may serve an unverified build."""

import pytest

from console.page import PAGES
from console.server import status
from core.db import store
from core.queries import status as overview
from tests import factories, screens

HOSTILE = "<script>alert(1)</script>"


def alarmed(**values) -> None:
    with store.write() as session:
        change = factories.change_set(session, factories.issue(session))
        factories.deployment(session, change, **{"status": "watching", "alarm": f"vercel refused {HOSTILE}", **values})


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_it_with_the_command_of_a_manual_rollback(console, page):
    alarmed(vendor_id="dpl_bad")
    at = screens.visit(page)
    said = screens.seen(at)
    assert not at.exception
    assert 'role="alert"' in said and "Production serves an unverified build" in said
    assert "vercel rollback dpl_4f1c --yes" in said and "dpl_bad" in said
    assert HOSTILE not in said and "&lt;script&gt;" in said


@pytest.mark.parametrize("values", [{"alarm": ""}, {"status": "rolled_back"}, {"status": "verified"}])
def test_it_is_gone_when_the_deployment_is_confirmed_or_rolled_back(console, values):
    alarmed(**values)
    assert 'role="alert"' not in screens.seen(screens.visit("issues"))


def test_the_status_page_and_the_command_line_show_it(console):
    assert overview.status()["alarms"] == [] and "Unverified" not in status.page()[1]
    alarmed(vendor_id="dpl_bad")
    [told] = overview.status()["alarms"]
    assert told.startswith("Deployment dpl_bad of shop could be neither confirmed nor rolled back: vercel refused")
    assert "Unverified builds in production" in status.page()[1]

"""What the pages say where people merge: ready for review, waiting for the merge, revert proposed."""

from __future__ import annotations

import pytest

from core.db import store
from core.models import Deployment, Status
from tests import factories, screens

HOSTILE = "<script>alert(1)</script>"


def waiting(url: str = "https://github.com/acme/shop/pull/7", **values) -> Deployment:
    with store.write() as session:
        issue = factories.issue(session, status=Status.AWAITING_APPROVAL, service="cart", run=1)
        change = factories.change_set(session, issue, pull_number=7, pull_url=url, run=1)
        row = {"status": "pending", "vendor_id": "", "environment": "production", "ended_at": None, "ready_at": None}
        return factories.deployment(session, change, **row | values)


@pytest.mark.parametrize("page", ["pipeline", "approvals"])
def test_a_pull_request_that_waits_for_its_merge_is_listed(console, page):
    waiting()
    at = screens.visit(page)
    said = screens.seen(at)
    assert not at.exception and "Ready for review" in said and "https://github.com/acme/shop/pull/7" in said


def test_an_address_that_is_none_becomes_no_link(console):
    waiting(url=f"javascript:{HOSTILE}")
    said = screens.seen(screens.visit("pipeline"))
    assert "#7" in said and "javascript:" not in said and HOSTILE not in said


def test_a_deployment_whose_revert_is_proposed_says_so(console):
    row = waiting(status="reverting", vendor_id="c" * 40, note=f"eve: {HOSTILE}")
    at = screens.visit("deployments", deployment=row.id)
    said = screens.seen(at)
    assert not at.exception and "revert proposed" in said and "rolled back" not in said
    assert HOSTILE not in said and "&lt;script&gt;" in said

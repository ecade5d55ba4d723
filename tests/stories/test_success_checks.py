"""A service's own success checks in a whole release: asked before it, and at each look."""

from __future__ import annotations

import pytest

from core.models import Deployment, Status
from tests.stories.test_flow import ended, rows

BASKET = "http://shop.test/basket"
CHECK = f'\n[services.pricing.checks.basket]\nurl = "{BASKET}"\ncontains = "Total"\n'


@pytest.mark.parametrize(("passed_before", "status"), [(True, Status.ESCALATED), (False, Status.RESOLVED)])
def test_a_check_that_the_release_broke_is_harm_and_one_that_failed_before_is_not(world, passed_before, status):
    w = world(watch=2.0)
    file = w.settings.platform_file
    file.write_text(file.read_text() + CHECK)

    def probe(url: str, **_) -> str:
        works = url != BASKET or (passed_before and w.ledger.get("alias") == "dpl_1")
        return "" if works else "it returned 500"

    w.rt.probe = probe
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is status, issue.reason
    assert ("pricing: basket: it answered 500" in issue.reason) is passed_before
    [row] = rows(Deployment, Deployment.environment == "production")
    assert row.judged["before"] == {"pricing: basket": "" if passed_before else "it returned 500"}
    assert row.status == ("rolled_back" if passed_before else "verified")

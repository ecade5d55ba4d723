"""A deployment that takes its time: it is looked at again, its limit ends it, and a reviewer's time does not count."""

from __future__ import annotations

from datetime import timedelta

import pytest

from core.db import store
from core.models import Deployment, now
from core.ops.stage_log import Entry
from core.stages.deliver import deploy
from core.vendors.base import Deployed, VendorError
from tests import factories


class Slow:
    name, patience, limit = "slow", 0.0, 600.0


def row(age: float, **judged) -> Deployment:
    with store.write() as session:
        change = factories.change_set(session, factories.issue(session))
        return factories.deployment(
            session, change, status="pending", started_at=now() - timedelta(seconds=age), judged=judged
        )


def looked(made: Deployment, state: str, note: str = ""):
    entry = Entry()
    return deploy._waits(Slow(), made, Deployed("v", "", state, note=note), entry), entry


def test_what_is_in_progress_is_looked_at_again(console):
    told, entry = looked(row(599), "BUILDING", "1 of 3 pods are updated")
    assert not told.ok and told.seconds == deploy.LOOK_SECONDS
    assert (entry.result, entry.message) == ("waiting", "1 of 3 pods are updated")


def test_what_takes_longer_than_its_limit_ends(console):
    with pytest.raises(VendorError, match="not finished after 10 minutes") as caught:
        looked(row(601), "BUILDING")
    assert caught.value.permanent


def test_the_time_of_a_reviewer_does_not_count(console):
    made = row(100_000)
    assert looked(made, "WAITING", "waits for the reviewers")[0].seconds
    with store.read() as session:
        kept = session.get_one(Deployment, made.id)
    assert looked(kept, "BUILDING")[0].seconds, "the limit begins when the reviewer has answered"
    late = (now() - timedelta(seconds=601)).isoformat()
    with pytest.raises(VendorError):
        looked(row(100_000, **{deploy.PERSON: late}), "BUILDING")

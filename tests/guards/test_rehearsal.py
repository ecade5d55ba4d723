"""The rehearsal of a rollback: tried once before the release, timed, and what a failure keeps back."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from core.actions.release_again import ANYWAY
from core.db import store
from core.models import ChangeSet, Deployment, Status
from core.stages.deliver import rehearsal
from core.vendors.base import VendorError
from core.vendors.delivery.types import ReleaseOrder, RollbackTrial
from tests import factories
from tests.guards.stored import issue_in

ORDER = ReleaseOrder("k", "a" * 40, preview="dpl_preview", previous="dpl_old")


@dataclass
class Way:
    """A way to production whose rehearsals end as it is told; the last answer stays."""

    answers: list[RollbackTrial | VendorError]
    asked: list[ReleaseOrder] = field(default_factory=list)

    def rehearse(self, order: ReleaseOrder) -> RollbackTrial:
        self.asked.append(order)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, VendorError):
            raise answer
        return answer


WORKS = RollbackTrial(True, "the alias moved")
GONE = VendorError("vercel", "dpl_old was deleted", permanent=True)


@pytest.fixture
def row(console) -> Deployment:
    issue = issue_in(Status.DEPLOYING)
    with store.write() as session:
        change = factories.change_set(session, session.merge(issue))
        return factories.deployment(session, change, status="pending", vendor_id="", judged={})


def told(row: Deployment) -> dict:
    return row.judged["rehearsal"]


@pytest.mark.parametrize(
    ("answer", "ok", "says"),
    [(WORKS, True, "the alias moved"), (GONE, False, "dpl_old was deleted"), (RollbackTrial(False, "no"), None, "no")],
)
def test_what_a_rehearsal_showed_is_kept_with_its_time(row, answer, ok, says):
    found = told(rehearsal.run(Way([answer]), row, ORDER))
    assert (found["ok"], found["says"]) == (ok, says) and 0 <= found["seconds"] < 60


def test_it_is_done_once(row):
    way = Way([WORKS])
    row = rehearsal.run(way, row, ORDER)
    assert rehearsal.run(way, row, ORDER).judged == row.judged and way.asked == [ORDER]


def test_it_is_repeated_after_a_failure(row):
    way = Way([GONE, WORKS])
    assert told(rehearsal.run(way, rehearsal.run(way, row, ORDER), ORDER))["ok"] is True


def test_a_vendor_that_does_not_answer_is_asked_again_and_nothing_is_concluded(row):
    with pytest.raises(VendorError, match="timed out"):
        rehearsal.run(Way([VendorError("vercel", "timed out")]), row, ORDER)
    with store.read() as session:
        assert session.get_one(Deployment, row.id).judged == {}


def test_the_first_release_has_nothing_to_return_to(row):
    way = Way([GONE])
    found = told(rehearsal.run(way, row, ReleaseOrder("k", "a" * 40)))
    assert found["ok"] is None and "no deployment that a rollback could restore" in found["says"] and not way.asked


# --- who may release what a rehearsal keeps back ---------------------------------------------------


def again(asks: str, state: str, judged: dict) -> tuple[Deployment, ChangeSet]:
    """The second run of a patch, with an answered question; ``judged`` is of its first release."""
    issue = issue_in(Status.DEPLOYING)
    with store.write() as session:
        issue = session.merge(issue)
        first = factories.change_set(session, issue, run=1)
        factories.deployment(session, first, status="failed", vendor_id="", judged=judged)
        second = factories.change_set(session, issue, run=2, patch_hash=first.patch_hash)
        factories.approval(session, second, state=state, asks=asks)
        failed = {"rehearsal": {"ok": False, "says": "gone", "seconds": 0.1}}
        return factories.deployment(session, second, status="pending", vendor_id="", judged=failed), second


@pytest.mark.parametrize(
    ("asks", "state", "judged", "may"),
    [
        (ANYWAY, "approved", {"kept_back": True}, True),
        (ANYWAY, "stale", {"kept_back": True}, False),
        ("Release the fix", "approved", {"kept_back": True}, False),  # who approved it did not know of the failure
        (ANYWAY, "approved", {}, False),  # it was released again for another reason
    ],
)
def test_only_a_person_who_knows_of_the_failure_releases_it_anyway(console, asks, state, judged, may):
    row, change = again(asks, state, judged)
    with store.read() as session:
        assert (rehearsal.refusal(session, row, change) == "") is may


@pytest.mark.parametrize("ok", [True, None])
def test_what_works_or_cannot_be_tried_is_released(row, ok):
    row.judged = {"rehearsal": {"ok": ok, "says": "", "seconds": 0.1}}
    with store.read() as session:
        change = session.get_one(ChangeSet, row.change_set_id)
        assert rehearsal.refusal(session, row, change) == ""

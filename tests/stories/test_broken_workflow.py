"""A workflow that breaks: a person gets the issue, and Slack says so at once."""

from __future__ import annotations

from core.models import Notification, Outcome, Status
from tests.stories.test_flow import ended, rows


class Broken:
    name = "broken"

    def analyze(self, evidence):
        raise ZeroDivisionError("a fault of the platform itself")


def test_a_workflow_that_breaks_is_told_on_slack_and_escalated(world):
    w = world()
    w.rt.analysts = [Broken()]
    issue = ended(w, w.issue(), Status.ESCALATED)
    assert [o.result for o in rows(Outcome)] == ["failed"] and not w.ledger.effects()
    told = rows(Notification, Notification.issue_id == issue.id)
    assert [(n.event, n.channel) for n in told] == [("workflow_failed", "slack")]

"""A fast input: an issue that was escalated at its second report is decided anew when later reports change that."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlmodel import select

from core import runtime
from core.actions import issues, triage
from core.db import store
from core.models import AuditRow, Decision, Issue, Stage, Status, Verdict
from core.models.access import Person, Role
from core.ops import durable, stage_log
from core.stages import analyze, decide, group, handover, reconsider
from core.stages.context import StageContext, StepContext
from tests.who import by

TRACE = """Traceback (most recent call last):
  File "/app/shop/cart.py", line 41, in total
    price = prices[article]
KeyError: 'A-17'"""
REFUSED = "ConnectionRefusedError", "[Errno 111] Connection refused"


def begin(session, issue) -> None:
    durable.new_run(session, issue, None)


class Cycle:
    """Collection cycles, and the run of an issue up to the end of an escalation; nothing is fixed."""

    def __init__(self, world):
        self.world, self.token, self.sent = world, world.token(), 0
        path = world.settings.platform_file
        path.write_text(path.read_text().replace('upstreams = ["carrier"]', 'upstreams = ["carrier"]\nimpact = "low"'))
        runtime.use(world.runtime)
        with store.write() as session:
            session.merge(Person(name="operator", role=Role.OPERATOR))

    def report(self, number: int = 1, **event) -> None:
        """So many reports of the crash, each with an identity of its own, and then a cycle."""
        for _ in range(number):
            self.sent += 1
            told = {"type": "KeyError", "message": "'A-17'", "stacktrace": TRACE, "id": f"e-{self.sent}"}
            self.world.post("/ingest/events", self.token, json=told | event)
        self.cycle()

    def cycle(self) -> None:
        self.world.cycle()
        started = group.start_new(self.world.runtime, begin=begin) + reconsider.start(self.world.runtime, begin=begin)
        for issue_id in started:
            self.decided(issue_id)

    def decided(self, issue_id: int) -> None:
        rt, run = self.world.runtime, self.issue.run
        analyze.run(StageContext(rt, issue_id, run, 1, stage_log.Entry()))
        with stage_log.stage(issue_id, run, Stage.DECIDE, 1, Status.DECIDING) as entry:
            made = decide.run(StageContext(rt, issue_id, run, 1, entry))
        if made.verdict == Verdict.ESCALATE_HUMAN:
            handover.run(StepContext(rt, issue_id, run), made.event, made.message)

    @property
    def issue(self) -> Issue:
        [found] = self.world.issues()
        return found

    def decisions(self) -> list[Decision]:
        with store.read() as session:
            return list(session.exec(select(Decision).order_by(Decision.id)))


@pytest.fixture
def cycle(world) -> Cycle:
    return Cycle(world)


def test_the_third_report_changes_the_escalation_of_the_second(cycle):
    cycle.report(2)
    first = cycle.issue
    assert (first.status, first.run, first.verdict) == (Status.ESCALATED, 1, Verdict.ESCALATE_HUMAN)
    assert "It is decided again if new reports change this" in first.reason
    cycle.report()
    again = cycle.issue
    assert (again.run, again.verdict, again.status) == (2, Verdict.AUTO_RESOLVE, Status.DECIDING)
    assert again.reason.startswith(
        "Decided again, because new reports change the escalation: seen 3 times, and 2 times"
    )
    before, after = cycle.decisions()
    assert before.confidence < 0.8 <= after.confidence and before.receipt["open_to_evidence"]
    with store.read() as session:
        [row] = session.exec(select(AuditRow).where(AuditRow.action == "decided_anew")).all()
    assert (row.actor, row.subject, row.detail["after_run"]) == ("platform", f"issue/{again.id}", 1)


def test_the_same_evidence_is_not_decided_twice(cycle):
    cycle.report(2)
    for _ in range(3):
        cycle.cycle()
    cycle.report(5)
    cycle.report(5)
    assert (cycle.issue.run, len(cycle.decisions())) == (2, 2)


def test_a_stack_that_arrives_after_a_bare_message_is_decided_anew(cycle):
    """An alert or a log line comes first; the crash that explains it, seconds later."""
    cycle.report(3, type="", stacktrace="", message="KeyError: 'A-17'")
    assert cycle.issue.status is Status.ESCALATED and cycle.decisions()[0].receipt["inputs"]["cause"] == "unknown"
    cycle.report(3)
    assert (cycle.issue.run, cycle.issue.verdict) == (2, Verdict.AUTO_RESOLVE)


@pytest.mark.parametrize("act", ["escalate", "silence", "retry"])
def test_a_persons_action_ends_it(cycle, act, monkeypatch):
    monkeypatch.setattr(issues, "_cancel", lambda issue_id: None)  # no workflow runs here
    cycle.report(2)
    who, issue_id = by("operator"), cycle.issue.id
    if act == "escalate":
        issues.escalate(issue_id, actor=who, to="ada", reason="mine", key="k")
    elif act == "silence":
        triage.silence(issue_id, actor=who, minutes=60, reason="known", key="k")
    runs = cycle.issue.run
    if act == "retry":
        with store.write() as session:
            durable.new_run(session, session.get_one(Issue, issue_id), "operator")
        runs += 1
        cycle.decided(issue_id)
    cycle.report(3)
    assert cycle.issue.run == runs


def test_reports_that_cannot_change_it_start_no_run(cycle):
    event = {
        "type": REFUSED[0],
        "message": REFUSED[1],
        "stacktrace": TRACE.replace("KeyError: 'A-17'", ": ".join(REFUSED)),
    }
    cycle.report(2, **event)
    assert cycle.issue.status is Status.ESCALATED and not cycle.decisions()[0].receipt["open_to_evidence"]
    assert "decided again" not in cycle.issue.reason
    cycle.report(5, **event)
    assert cycle.issue.run == 1


def test_it_is_bounded(cycle, monkeypatch):
    """Also where every new report changes the escalation by itself, and the run escalates it again."""
    monkeypatch.setattr(reconsider.more, "changes", lambda *_: True)
    monkeypatch.setattr(decide, "decided", _always_escalated(decide.decided))
    cycle.report(2)
    for _ in range(8):
        cycle.report()
    assert cycle.issue.run == 1 + reconsider.MOST


def _always_escalated(decided):
    return lambda case, policy: replace(decided(case, policy), verdict=Verdict.ESCALATE_HUMAN, open_to_evidence=True)

"""One story for every arrow of the diagram in core/flow.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import col, select

from core.access import rights
from core.actions import approvals, issues, production
from core.db import store
from core.models import Approval, AuditRow, Decision, Deployment, Notification, Outcome, Stage, StageRun, Status
from core.repair import engine
from core.repair.types import FixResult
from core.stages.review import gates
from tests.stories.world import until, write_known_fix
from tests.who import by


def ended(world, issue_id, *states):
    return until(lambda: world.get(issue_id) if world.get(issue_id).status in states else None)


def rows(table, *where):
    with store.read() as session:
        return session.exec(select(table).where(*where).order_by(col(table.id))).all()


def test_found_fixed_deployed_watched_learned(world):
    w = world()
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    change = w.change(issue.id)
    assert w.ledger.effects() == [
        f"pull fix/issue-{issue.id}",
        f"preview {change.head_sha}",
        f"production {change.head_sha}",
        "merge 1",
    ]
    assert w.deployer.production("shop").sha == change.head_sha
    assert [(o.result, o.pattern) for o in rows(Outcome)] == [("fixed", "ZeroDivisionError/division")]
    until(lambda: not rows(StageRun, col(StageRun.ended_at).is_(None)))  # the last line is closed after the issue
    stages = [(s.stage, s.result) for s in rows(StageRun)]
    assert [s for s, _ in stages if s in (Stage.ANALYZE, Stage.DECIDE, Stage.TEST, Stage.VERIFY, Stage.LEARN)]
    assert all(result == "ok" for _, result in stages), stages
    assert by_platform(issue.id) == ["push", "pull_request", "preview", "deploy", "merge", "resolved"]


def by_platform(issue_id: int) -> list[str]:
    """The actions of the platform in the audit trail."""
    found = rows(AuditRow, AuditRow.actor == "platform", AuditRow.subject == f"issue/{issue_id}")
    return [row.action for row in found]


def test_what_is_learned_moves_the_next_confidence(world):
    w = world()
    first = ended(w, w.issue(), Status.RESOLVED)
    w.ledger.put("merged", None)
    second = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert second.confidence > first.confidence


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        ({"cause": "upstream"}, "A person decides: the cause is upstream"),
        ({"severity": "critical", "impact": "high"}, "A person decides: critical severity"),
        ({"confidence": 0.1, "simplicity": 0.1}, "(row 2, "),
    ],
)
def test_decide_to_escalate(world, finding, reason):
    w = world()
    w.ledger.put("finding", finding)
    issue = ended(w, w.issue(), Status.ESCALATED, Status.RESOLVED)
    assert issue.status is Status.ESCALATED
    assert reason in issue.reason
    assert not w.ledger.effects()
    assert [o.result for o in rows(Outcome)] == ["escalated"]


SCHEDULED = {"impact": "medium", "confidence": 0.8, "simplicity": 0.7}


def test_a_scheduled_issue_waits_for_its_window_and_is_diagnosed_again(world):
    soon = datetime.now(UTC) + timedelta(days=1)
    w = world(days=[soon.weekday()], start=f"{soon:%H:%M}")
    w.ledger.put("finding", SCHEDULED)
    issue = ended(w, w.issue(), Status.SCHEDULED)
    assert issue.scheduled_for is not None and "maintenance window" in issue.reason
    assert not w.ledger.effects()


def test_a_scheduled_issue_is_fixed_inside_its_window(world):
    at = datetime.now(UTC) - timedelta(minutes=5)
    w = world(days=[at.weekday()], start=f"{at:%H:%M}")
    w.ledger.put("finding", SCHEDULED)
    issue = ended(w, w.issue(), Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert [d.verdict for d in rows(Decision)] == ["SCHEDULE_MAINTENANCE"]


def test_no_fix_found(world, monkeypatch):
    w = world()
    monkeypatch.setattr(engine, "repair", lambda *a, **k: FixResult("escalate", "no candidate survived."))
    issue = ended(w, w.issue(), Status.ESCALATED)
    assert "no candidate survived" in issue.reason
    assert not w.ledger.effects()


def test_a_review_that_never_passes_ends_after_its_attempts_and_feeds_each_finding_back(world, monkeypatch):
    w = world()
    heard = []
    write = engine.repair

    def listen(tree, crash, *, feedback, **other):
        heard.append(list(feedback))
        return write(tree, crash, **other)

    finding = gates.GateFinding("complexity", "shop.py", 1, "share has complexity 12, the limit is 10")
    monkeypatch.setattr(engine, "repair", listen)
    monkeypatch.setattr(
        gates, "review", lambda *a: [gates.Gate("complexity", False, "too complex", 12, 10, (finding,))]
    )
    issue = ended(w, w.issue(), Status.ESCALATED)
    assert "No fix passed the review in 3 attempts" in issue.reason
    assert [len(feedback) for feedback in heard] == [0, 2, 4]
    assert not w.ledger.effects()


def test_failed_tests_stop_it(world, monkeypatch):
    w = world()
    text = "def share(part, whole):\n    return 0.0\n"

    def breaks_an_older_test(tree, crash, **_):
        found = write_known_fix(tree, crash)
        (tree / "shop.py").write_text(text)
        return replace(found, candidate=replace(found.candidate, files={"shop.py": text}))

    monkeypatch.setattr(engine, "repair", breaks_an_older_test)
    issue = ended(w, w.issue(), Status.ESCALATED)
    assert "tests did not pass: 2 tests, 1 failed" in issue.reason
    assert not w.ledger.effects("preview")


def test_a_failed_deployment_stops_it(world):
    w = world()
    w.ledger.put("refuse", "preview")
    issue = ended(w, w.issue(), Status.ESCALATED)
    assert "the build quota is used up" in issue.reason
    assert not w.ledger.effects("production")


def test_an_unhealthy_preview_never_reaches_production(world):
    w = world()
    w.rt.probe = lambda url: "it returned 503"
    issue = ended(w, w.issue(), Status.ESCALATED)
    assert "The preview is not healthy: it returned 503" in issue.reason
    assert not w.ledger.effects("production")


def test_production_that_answers_badly_is_rolled_back(world):
    w = world()
    w.rt.probe = lambda url: "it returned 502" if url.startswith("http://shop.test") else ""
    issue = ended(w, w.issue(), Status.ESCALATED)
    assert "Production is not healthy" in issue.reason
    assert w.ledger.get("alias") == "dpl_1"
    assert w.ledger.effects("rollback") == ["rollback dpl_1"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"rate_of_fix": 0.4}, "40.0% of"),
        ({"rate_of_fix": 0.1}, "the issue's own error"),
    ],
)
def test_a_failed_watch_rolls_back_reopens_and_escalates(world, state, reason):
    w = world()
    for name, value in state.items():
        w.ledger.put(name, value)
    issue_id = w.issue()
    w.report(issue_id, [second / 10 for second in range(600)], count=2)  # as many as its metrics count
    issue = ended(w, issue_id, Status.ESCALATED)
    assert reason in issue.reason
    assert w.ledger.get("alias") == "dpl_1"
    assert not w.ledger.effects("merge")
    assert [o.result for o in rows(Outcome)] == ["rolled_back"]
    assert by_platform(issue_id) == ["push", "pull_request", "preview", "deploy", "rollback", "escalate"]
    assert [d.status for d in rows(Deployment, Deployment.environment == "production")] == ["rolled_back"]
    assert {n.channel for n in rows(Notification, Notification.event == "rolled_back")} == {"slack", "email"}


def test_a_watch_that_sees_nothing_asks_a_person_and_goes_on_watching(world):
    w = world()
    w.ledger.put("blind", True)
    issue_id = w.issue()
    asked = until(lambda: rows(Notification, Notification.event == "watch_unsure"))
    assert "no metrics of the released services" in asked[0].body
    assert w.get(issue_id).status is Status.WATCHING and w.ledger.get("alias") != "dpl_1"
    w.ledger.put("blind", None)
    w.ledger.put("rate_of_fix", 0.4)
    assert ended(w, issue_id, Status.ESCALATED, Status.RESOLVED).status is Status.ESCALATED
    assert w.ledger.get("alias") == "dpl_1"


def test_a_person_keeps_a_deployment_that_the_watch_cannot_judge(world):
    w = world()
    w.ledger.put("blind", True)
    issue_id = w.issue()
    until(lambda: rows(Notification, Notification.event == "watch_unsure"))
    row = rows(Deployment, Deployment.environment == "production")[0]
    production.keep(row.id, actor=by("ada"), reason="the shop works", key="keep-1")
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert rows(Deployment, Deployment.id == row.id)[0].kept_by == "ada"


def asked(w, issue_id) -> Approval:
    ended(w, issue_id, Status.AWAITING_APPROVAL)
    return rows(Approval, Approval.issue_id == issue_id, Approval.state == "pending")[0]


def test_a_critical_service_waits_for_approval_and_does_not_deploy_without_it(world):
    w = world()
    issue_id = w.issue("checkout")
    question = asked(w, issue_id)
    assert not w.ledger.effects("production")
    first = approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k1")
    again = approvals.approve(question.id, actor=by("ada"), patch_hash=question.patch_hash, key="k1")
    assert (first.done, again.done) == (True, False)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert len(w.ledger.effects("production")) == 1
    assert not rows(Deployment, Deployment.environment == "production")[0].automatic


def test_a_refusal_hands_over_and_a_second_person_is_told_so(world):
    w = world()
    issue_id = w.issue("checkout")
    question = asked(w, issue_id)
    approvals.reject(question.id, actor=by("ada"), reason="not before the sale", key="k1")
    with pytest.raises(rights.Refused, match="Already rejected by ada"):
        approvals.approve(question.id, actor=by("bob"), patch_hash=question.patch_hash, key="k2")
    issue = ended(w, issue_id, Status.ESCALATED)
    assert "Rejected by ada: not before the sale" in issue.reason
    assert not w.ledger.effects("production")
    assert [o.result for o in rows(Outcome)] == ["rejected"]


def test_an_approval_of_another_patch_is_refused(world):
    w = world()
    question = asked(w, w.issue("checkout"))
    with pytest.raises(rights.Refused, match="The patch has changed"):
        approvals.approve(question.id, actor=by("ada"), patch_hash="another", key="k1")
    assert not w.ledger.effects("production")


def test_silence_is_never_consent(world, monkeypatch):
    w = world()
    at_once = w.rt.policy.approval.model_copy(update={"expires_minutes": 0})  # shorter than a policy may say
    short = w.rt.policy.model_copy(update={"approval": at_once})
    monkeypatch.setattr(type(w.rt), "policy", short)
    issue = ended(w, w.issue("checkout"), Status.ESCALATED)
    assert "The approval expired without an answer" in issue.reason
    assert rows(Approval)[0].state == "expired"
    assert not w.ledger.effects("production")


def test_escalating_a_waiting_issue_ends_its_journey(world):
    w = world()
    issue_id = w.issue("checkout")
    asked(w, issue_id)
    issues.escalate(issue_id, actor=by("ada"), to="payments team", reason="needs their eyes", key="k1")
    assert w.get(issue_id).assignee == "payments team"
    ended(w, issue_id, Status.ESCALATED)
    issues.resolve(issue_id, actor=by("bob"), how="raised the limit", cured=True, key="k2")
    assert w.get(issue_id).status is Status.RESOLVED
    assert [(o.result, o.by, o.note) for o in rows(Outcome)] == [("human", "bob", "raised the limit")]


def test_retry_starts_a_second_run(world):
    w = world()
    w.ledger.put("refuse", "preview")
    issue_id = w.issue()
    ended(w, issue_id, Status.ESCALATED)
    w.ledger.put("refuse", None)
    assert issues.retry(issue_id, actor=by("ada"), key="k1").done
    assert not issues.retry(issue_id, actor=by("ada"), key="k1").done
    issue = ended(w, issue_id, Status.RESOLVED)
    assert issue.run == 2
    assert len(w.ledger.effects("pull")) == 1, "one pull request for one issue"


def test_a_full_hour_makes_it_wait_in_the_queue_and_say_so(world):
    w = world(limit=0)
    issue = ended(w, w.issue(), Status.QUEUED, Status.RESOLVED)
    issue = until(lambda: w.get(issue.id) if "an hour reached" in w.get(issue.id).reason else None)
    assert issue.status is Status.QUEUED
    assert not w.ledger.effects("production")


def test_a_person_rolls_back_a_verified_deployment(world):
    w = world()
    issue_id = w.issue()
    ended(w, issue_id, Status.RESOLVED)
    deployment = rows(Deployment, Deployment.environment == "production")[0]
    assert production.roll_back(deployment.id, actor=by("ada"), reason="prices look odd", key="k1").done
    assert (
        not production.roll_back(deployment.id, actor=by("ada"), reason="prices look odd", key="k1").done
        if rows(Deployment, Deployment.id == deployment.id, Deployment.status == "verified")
        else True
    )
    assert w.ledger.get("alias") == "dpl_1"
    assert w.get(issue_id).status is Status.ESCALATED
    assert w.ledger.effects("rollback") == ["rollback dpl_1"]


def test_two_fixes_of_one_repository_go_out_one_after_the_other(world):
    w = world()
    ids = [w.issue(release="r1"), w.issue(release="r2")]
    ends = [ended(w, issue_id, Status.RESOLVED, Status.ESCALATED) for issue_id in ids]
    production = rows(Deployment, Deployment.environment == "production")
    spans = sorted((d.started_at, d.ended_at) for d in production if d.ended_at and d.vendor_id)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False)), spans
    assert ends[0].status is Status.RESOLVED or ends[1].status is Status.RESOLVED

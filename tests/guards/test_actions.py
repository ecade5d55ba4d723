"""What each action of a person does in each state, by the rows that are stored afterwards."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import select

from core import actions, durable, policies, rulings, runtime, store
from core.models import (
    Approval,
    AuditRow,
    ChangeSet,
    Deployment,
    Issue,
    Notification,
    Outcome,
    Status,
    now,
)
from core.people import Person, Role
from core.rights import Actor, Forbidden, Refused
from core.rulings import Ruling
from core.runtime import Runtime
from core.saved import PolicyVersion
from core.vendors.base import Deployed, VendorError
from tests import factories, scenes, waiting
from tests.who import by

TABLES = (Issue, Approval, ChangeSet, Deployment, Outcome, Notification, Ruling, AuditRow, PolicyVersion)


def stored() -> dict[str, list[dict]]:
    """Every row that an action may write, and the messages and workflows of the durable engine."""
    with store.read() as session:
        rows = {t.__name__: [row.model_dump() for row in session.exec(select(t)).all()] for t in TABLES}
        for table in ("notifications", "workflow_status"):
            rows[table] = [dict(row) for row in session.execute(text(f"SELECT * FROM {table}")).mappings()]
    return rows


def one(table, row_id: int):
    with store.read() as session:
        return session.get_one(table, row_id)


def rows(table, *where) -> list:
    with store.read() as session:
        return list(session.exec(select(table).where(*where)).all())


def issue_in(status: Status, **values) -> Issue:
    with store.write() as session:
        return factories.issue(session, status=status, **values)


def refused(work, *given, says: str, **named) -> None:
    """The action is refused with these words, and no row has changed."""
    before = stored()
    with pytest.raises(Refused, match=says):
        work(*given, actor=by("approver"), key="refused", **named)
    assert stored() == before


def workflow(name: str) -> str | None:
    found = durable.client().list_workflows(workflow_ids=[name], load_input=False)
    return found[0].status if found else None


def answers_sent() -> list[dict]:
    """What waiting workflows will hear."""
    return [json.loads(message["message"]) for message in stored()["notifications"]]


def audited(action: str) -> list[tuple]:
    return [(row.actor, row.subject, row.detail) for row in rows(AuditRow, AuditRow.action == action)]


def told(event: str) -> list[Notification]:
    return rows(Notification, Notification.event == event)


# --- issues ----------------------------------------------------------------------------------------

GIVEN = {
    "escalate": {"to": "ops", "reason": "look at it"},
    "retry": {},
    "resolve": {"how": "restarted it", "cured": True},
    "dismiss": {"reason": "a test"},
}
RUNNING = {Status.DEPLOYING, Status.WATCHING, Status.ROLLING_BACK}
ALLOWED = {
    "escalate": set(Status) - RUNNING - {Status.RESOLVED, Status.DISMISSED},
    "retry": {Status.ESCALATED, Status.DISMISSED},
    "resolve": {Status.ESCALATED},
    "dismiss": {Status.ESCALATED, Status.NEW},
}
AFTER = {
    "escalate": Status.ESCALATED,
    "retry": Status.ANALYZING,
    "resolve": Status.RESOLVED,
    "dismiss": Status.DISMISSED,
}


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("name", GIVEN)
def test_an_action_in_each_state(console, name, status):
    issue, work = issue_in(status), getattr(actions, name)
    if status not in ALLOWED[name]:
        says = "a deployment is under way" if name == "escalate" and status in RUNNING else f"the issue is {status}"
        refused(work, issue.id, says=says, **GIVEN[name])
        return
    assert work(issue.id, actor=by("operator"), key="k", **GIVEN[name]).done
    kept = one(Issue, issue.id)
    assert kept.status is AFTER[name] or name == "retry"
    [(actor, subject, _)] = audited(name)
    assert (actor, subject) == ("operator", f"issue/{issue.id}")
    before = stored()
    assert not work(issue.id, actor=by("operator"), key="k", **GIVEN[name]).done
    assert stored() == before, "the same click again changes nothing"


@pytest.mark.parametrize("actor", [Actor("admin", Role.ADMIN), "admin"])
@pytest.mark.parametrize("name", GIVEN)
def test_a_name_without_a_proof_does_nothing(console, name, actor):
    issue = issue_in(Status.ESCALATED)
    before = {**stored(), "AuditRow": []}
    with pytest.raises(Forbidden, match="only a person who proved who they are"):
        getattr(actions, name)(issue.id, actor=actor, key="k", **GIVEN[name])
    assert {**stored(), "AuditRow": []} == before
    assert [(row.actor, row.action) for row in rows(AuditRow)] == [("admin", "forbidden")]


@pytest.mark.parametrize("name", GIVEN)
def test_an_issue_that_does_not_exist(console, name):
    refused(getattr(actions, name), 404, says="this issue does not exist", **GIVEN[name])


@pytest.mark.parametrize("reason", ["", "not ours"])
def test_an_escalated_issue_goes_to_somebody_and_is_remembered(console, reason):
    issue = issue_in(Status.FIXING)
    assert actions.escalate(issue.id, actor=by("operator"), to="ops", reason=reason, key="k").says == "escalated to ops"
    kept = one(Issue, issue.id)
    assert (kept.status, kept.assignee) == (Status.ESCALATED, "ops")
    assert kept.reason == f"escalated to ops by operator. {reason}".strip()
    assert [(row.result, row.note, row.by, row.run) for row in rows(Outcome)] == [("escalated", reason, "operator", 1)]
    assert [message.body for message in told("escalated")] == [kept.reason]
    assert audited("escalate") == [("operator", f"issue/{issue.id}", {"to": "ops", "reason": reason, "via": "console"})]


def test_escalating_again_gives_it_to_another_and_keeps_the_outcome(console):
    issue = issue_in(Status.ESCALATED)
    actions.escalate(issue.id, actor=by("operator"), to="bob", reason="", key="k")
    assert (one(Issue, issue.id).assignee, rows(Outcome)) == ("bob", [])


@pytest.mark.parametrize(("reason", "kept"), [("mine", "mine"), ("", "escalated to ops")])
def test_escalating_answers_a_waiting_question_with_no(console, reason, kept):
    number, issue, patch = waiting.question()
    actions.escalate(issue, actor=by("operator"), to="ops", reason=reason, key="k")
    asked = one(Approval, number)
    assert (asked.state, asked.by, asked.reason) == ("rejected", "operator", kept)
    assert rows(Outcome) == [], "the workflow that hears the answer remembers it"
    assert answers_sent() == [{"approved": False, "by": "operator", "reason": kept}]
    refused(actions.approve, number, says="already rejected by operator", patch_hash=patch)


@pytest.mark.parametrize("state", ["approved", "rejected", "expired"])
def test_escalating_leaves_other_questions_alone(console, state):
    number, issue, _ = waiting.question()
    other, _, _ = waiting.question()
    with store.write() as session:
        session.get_one(Approval, number).state = state
    actions.escalate(issue, actor=by("operator"), to="ops", reason="x", key="k")
    assert (one(Approval, number).state, one(Approval, other).state) == (state, "pending")
    assert [row.result for row in rows(Outcome)] == ["escalated"]


@pytest.mark.parametrize(("status", "run", "cancelled"), [(Status.FIXING, 1, True), (Status.NEW, 0, False)])
def test_escalating_stops_what_still_runs(console, status, run, cancelled):
    issue = issue_in(status, run=run)
    with store.write() as session:
        durable.start_in(session, "journey", issue.workflow_id, issue.id, run)
    actions.escalate(issue.id, actor=by("operator"), to="ops", reason="x", key="k")
    assert (workflow(issue.workflow_id) == "CANCELLED") is cancelled


def test_a_click_that_comes_again_stops_no_run_that_was_started_since(console):
    issue = issue_in(Status.FIXING)
    actions.escalate(issue.id, actor=by("operator"), to="ops", reason="x", key="k")
    actions.retry(issue.id, actor=by("operator"), key="r")
    again = one(Issue, issue.id).workflow_id
    assert not actions.escalate(issue.id, actor=by("operator"), to="ops", reason="x", key="k").done
    assert workflow(again) == "ENQUEUED"


def test_a_retry_starts_the_next_run(console):
    issue = issue_in(Status.ESCALATED)
    with store.write() as session:
        rulings.know(session, issue.id, "noise", "ada")
    assert actions.retry(issue.id, actor=by("operator"), key="k").says == "run 2 has started"
    kept = one(Issue, issue.id)
    assert (kept.run, kept.requested_by, workflow(kept.workflow_id)) == (2, "operator", "ENQUEUED")
    assert rows(Ruling) == [], "it is not taken for known any more"
    assert audited("retry")[0][2] == {"run": 2, "via": "console"}


def test_a_merged_issue_is_not_tried_again(console):
    issue = issue_in(Status.DISMISSED, merged_into=7)
    refused(actions.retry, issue.id, says="merged into issue 7: try that one")


@pytest.mark.parametrize(("cured", "status"), [(True, Status.RESOLVED), (False, Status.DISMISSED)])
def test_a_resolution_by_hand_is_remembered(console, cured, status):
    issue = issue_in(Status.ESCALATED)
    actions.resolve(issue.id, actor=by("operator"), how="restarted it", cured=cured, key="k")
    kept = one(Issue, issue.id)
    assert (kept.status, kept.resolution, kept.reason) == (status, "restarted it", "restarted it (operator)")
    assert [(row.result, row.note, row.by) for row in rows(Outcome)] == [("human", "restarted it", "operator")]
    assert audited("resolve")[0][2] == {"how": "restarted it", "cured": cured, "via": "console"}


@pytest.mark.parametrize("how", ["", " \n"])
def test_a_resolution_says_how(console, how):
    refused(actions.resolve, issue_in(Status.ESCALATED).id, says="say how it was resolved", how=how, cured=True)


def test_what_is_dismissed_is_known_from_then_on(console):
    issue = issue_in(Status.NEW)
    actions.dismiss(issue.id, actor=by("operator"), reason="a test", key="k")
    assert (one(Issue, issue.id).status, one(Issue, issue.id).reason) == (Status.DISMISSED, "a test")
    assert [(r.kind, r.fingerprint, r.reason, r.by) for r in rows(Ruling)] == [
        ("known", issue.fingerprint, "a test", "operator")
    ]
    assert audited("dismiss")[0][2] == {"reason": "a test", "via": "console"}


# --- approvals -------------------------------------------------------------------------------------

ANSWERS = {
    "approve": {},
    "reject": {"reason": "too risky"},
    "pass_on": {"to": "bob", "reason": "theirs"},
    "hand_back": {"reason": "on leave"},
}


def answer(name: str, number: int, patch: str, actor: str = "approver", key: str = "k"):
    more = {"patch_hash": patch} if name == "approve" else {}
    return getattr(actions, name)(number, actor=by(actor), key=key, **ANSWERS[name], **more)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"state": "approved", "by": "ada"}, "already approved by ada"),
        ({"state": "rejected", "by": None}, "already rejected$"),
        ({"state": "expired"}, "already expired$"),
        ({"state": "stale"}, "already stale$"),
        ({"expires_at": timedelta(seconds=-1)}, "the question has expired"),
        ({"patch_hash": "another"}, "the patch has changed since it was asked about"),
        ({"assignee": "bob"}, "it was escalated to bob: only they, or an admin, can answer it"),
        ({"assignee": "payments"}, "it was escalated to payments"),
    ],
)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_question_that_cannot_be_answered(console, name, values, says):
    number, _, patch = waiting.question()
    with store.write() as session:
        given = {k: now() + v if isinstance(v, timedelta) else v for k, v in values.items()}
        session.get_one(Approval, number).sqlmodel_update(given)
    before = stored()
    with pytest.raises(Refused, match=says):
        answer(name, number, patch)
    assert stored() == before


@pytest.mark.parametrize("name", ANSWERS)
def test_a_question_that_does_not_exist(console, name):
    before = stored()
    with pytest.raises(Refused, match="this approval does not exist"):
        answer(name, 404, "x")
    assert stored() == before


def test_an_approval_releases_the_patch_that_was_seen(console):
    number, issue, patch = waiting.question()
    refused(actions.approve, number, says="the patch has changed since you saw it", patch_hash="another")
    assert answer("approve", number, patch).says == "approved: the release starts"
    kept = one(Approval, number)
    assert (kept.state, kept.by, kept.reason) == ("approved", "approver", "")
    assert abs(now() - kept.answered_at) < timedelta(minutes=1)
    assert audited("approve") == [
        ("approver", f"issue/{issue}", {"approval": number, "patch": patch, "via": "console"})
    ]
    [message] = stored()["notifications"]
    assert (message["destination_uuid"], message["topic"]) == (kept.workflow_id, f"approval:{patch}")
    assert answers_sent() == [{"approved": True, "by": "approver", "reason": ""}]


def test_a_rejection_says_why_and_reaches_the_workflow(console):
    number, issue, patch = waiting.question()
    for reason in ("", "  "):
        refused(actions.reject, number, says="a rejection needs a reason", reason=reason)
    answer("reject", number, patch)
    kept = one(Approval, number)
    assert (kept.state, kept.by, kept.reason) == ("rejected", "approver", "too risky")
    assert audited("reject")[0][1:] == (
        f"issue/{issue}", {"approval": number, "patch": patch, "reason": "too risky", "via": "console"}
    )  # fmt: skip
    assert answers_sent() == [{"approved": False, "by": "approver", "reason": "too risky"}]


@pytest.mark.parametrize(
    ("service", "requester", "policy", "says"),
    [
        ("checkout", "approver", "", "four eyes: approver asked for this fix of checkout"),
        ("payment", "approver", "", "four eyes"),
        ("cart", "approver", '[approval]\nfour_eyes = "always"\n', "four eyes"),
        ("cart", "approver", "", ""),
        ("checkout", "bob", "", ""),
        ("checkout", None, "", ""),
    ],
)
def test_four_eyes(console, service, requester, policy, says):
    console.platform_file.write_text(console.platform_file.read_text() + policy)
    runtime.use(Runtime(console))
    number, _, patch = waiting.question(service, requester)
    if says:
        refused(actions.approve, number, says=says, patch_hash=patch)
    else:
        assert answer("approve", number, patch).done


def test_a_question_is_passed_on_to_a_named_person_and_no_further(console):
    number, issue, patch = waiting.question()
    refused(actions.pass_on, number, says="'operator' is neither a group", to="operator", reason="x")
    assert answer("pass_on", number, patch).says == "escalated to bob: they are asked now"
    assert (one(Approval, number).assignee, one(Approval, number).state) == ("bob", "pending")
    assert [m.body for m in told("approval_asked")] == ["approver asks bob to answer: theirs"]
    assert audited("pass_on")[0][1:] == (
        f"issue/{issue}", {"approval": number, "to": "bob", "reason": "theirs", "via": "console"}
    )  # fmt: skip
    assert stored()["notifications"] == []


def test_a_question_is_handed_back_once(console):
    number, issue, patch = waiting.question(assignee="bob")
    assert answer("hand_back", number, patch, "bob").done
    kept = one(Approval, number)
    assert (kept.assignee, kept.state) == (None, "pending")
    assert audited("hand_back")[0][1:] == (
        f"issue/{issue}", {"approval": number, "from": "bob", "reason": "on leave", "via": "console"}
    )  # fmt: skip
    refused(actions.hand_back, number, says="open to every approver already", reason="x")


# --- deployments -----------------------------------------------------------------------------------


class Host:
    """A deployer whose production serves ``live``."""

    name = "vercel"

    def __init__(self, live: str | None = "dpl_9d03", fault: VendorError | None = None):
        self.live, self.fault, self.asked = live, fault, []

    def production(self, project):
        return self.live and Deployed(self.live, "https://shop.example", "READY")

    def rollback(self, project, to):
        if self.fault:
            raise self.fault
        self.asked.append((project, to))


def released(status="verified", environment="production", **values) -> Deployment:
    with store.write() as session:
        issue = scenes.story(session, Status.TESTING, service="cart")
        change = session.exec(select(ChangeSet).where(ChangeSet.issue_id == issue.id)).one()
        made = factories.deployment(session, change, status=status, environment=environment, **values)
        durable.start_in(session, "journey", issue.workflow_id, issue.id, issue.run)
        return made


@pytest.fixture
def host(console) -> Host:
    made = Host()
    runtime.use(Runtime(console, deployer=made))
    return made


def test_a_rollback_returns_production_and_hands_the_issue_over(host):
    row = released()
    done = actions.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    assert (done.done, done.says) == (True, "rolled back to dpl_4f1c")
    assert host.asked == [("", "dpl_4f1c")]
    kept, change, issue = one(Deployment, row.id), one(ChangeSet, row.change_set_id), one(Issue, row.issue_id)
    assert (kept.status, kept.note, change.status) == ("rolled_back", "worse (approver)", "rolled_back")
    assert abs(now() - kept.ended_at) < timedelta(minutes=1)
    assert (issue.status, issue.reason) == (Status.ESCALATED, "rolled back by approver: worse")
    assert [(r.result, r.note, r.by) for r in rows(Outcome)] == [("rolled_back", "worse", "approver")]
    assert told("rolled_back")[0].body == "worse. rolled back to dpl_4f1c"
    assert audited("roll_back") == [
        ("approver", f"deployment/{row.id}", {"reason": "worse", "says": done.says, "via": "console"})
    ]
    assert workflow(issue.workflow_id) == "CANCELLED"


def test_the_same_rollback_again_asks_the_vendor_for_nothing(host):
    row = released()
    actions.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    before = stored()
    again = actions.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    assert (again.done, again.says) == (False, "already rolled back")
    assert stored() == before and len(host.asked) == 1


@pytest.mark.parametrize("environment", ["preview", "production"])
@pytest.mark.parametrize("status", ["pending", "ready", "failed", "watching", "verified", "rolled_back"])
def test_only_what_is_live_can_be_rolled_back(host, environment, status):
    row = released(status, environment)
    if environment == "production" and status in ("verified", "watching"):
        assert actions.roll_back(row.id, actor=by("approver"), reason="worse", key="k").done
        return
    refused(actions.roll_back, row.id, says=f"a {environment} deployment that is {status} cannot", reason="worse")
    assert host.asked == [] and workflow(one(Issue, row.issue_id).workflow_id) == "ENQUEUED"


@pytest.mark.parametrize(
    ("newer", "blocked"),
    [
        ({"status": "verified"}, True),
        ({"status": "watching"}, True),
        ({"status": "rolled_back"}, False),
        ({"status": "failed"}, False),
        ({"environment": "preview"}, False),
        ({"repository": "other"}, False),
    ],
)
def test_a_newer_deployment_of_the_same_repository_goes_first(host, newer, blocked):
    released(), released(repository="other")
    row = released()
    later = released(**newer)
    if blocked:
        refused(actions.roll_back, row.id, says=f"deployment {later.id} came after it", reason="worse")
        assert host.asked == []
    else:
        assert actions.roll_back(row.id, actor=by("approver"), reason="worse", key="k").done


def test_a_rollback_that_the_vendor_refuses_is_written_nowhere(host):
    row, host.fault = released(), VendorError("vercel", "not today")
    before = {k: v for k, v in stored().items() if k != "workflow_status"}
    with pytest.raises(Refused, match="vercel: not today"):
        actions.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    assert {k: v for k, v in stored().items() if k != "workflow_status"} == before


def test_a_deployment_that_does_not_exist(host):
    refused(actions.roll_back, 404, says="this deployment does not exist", reason="worse")


# --- policy ----------------------------------------------------------------------------------------


def changed(console, text=None, based_on=None, reason="fewer", key="k", actor="admin"):
    old = console.platform_file.read_text()
    text = old.replace("deployments_per_hour = 5", "deployments_per_hour = 2") if text is None else text
    given = {"reason": reason, "based_on": policies.digest(old) if based_on is None else based_on, "key": key}
    return actions.change_policy(text, actor=by(actor), **given)


def test_a_policy_in_force_is_a_version_with_its_reason(console):
    before = policies.digest(console.platform_file.read_text())
    receipt = changed(console)
    made = rows(PolicyVersion)[-1]
    assert receipt.says == f"version {made.id} of the policy is in force; the next decision follows it"
    assert (made.by, made.reason, made.text) == ("admin", "fewer", console.platform_file.read_text())
    assert runtime.current().policy.guards.deployments_per_hour == 2
    assert audited("change_policy") == [
        ("admin", "policy",
         {"version": made.id, "before": before, "after": made.sha256, "reason": "fewer", "via": "console"})
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"reason": " "}, "needs a reason"),
        ({"based_on": "older"}, "has been changed since you opened it"),
        ({"text": "[guards]\nspeed = 9\n"}, "speed"),
        ({"text": "not toml"}, "platform.toml"),
    ],
)
def test_a_policy_that_is_refused_changes_nothing(console, values, says):
    before, text_before = stored(), console.platform_file.read_text()
    with pytest.raises(Refused, match=says):
        changed(console, **values)
    assert stored() == before and console.platform_file.read_text() == text_before


def test_nobody_but_an_admin_changes_the_policy(console):
    text_before = console.platform_file.read_text()
    with pytest.raises(Refused, match="may not change policy"):
        changed(console, actor="approver")
    assert console.platform_file.read_text() == text_before and rows(PolicyVersion) == []
    assert len(rows(Person)) == 5

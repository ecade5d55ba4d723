"""A person's rollbacks and policy changes: a refused one changes no row, an executed one is stored completely."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from core import runtime
from core.access.rights import Refused
from core.actions import policy, production
from core.actions.registry import Reused
from core.db import store
from core.models import ChangeSet, Deployment, Issue, Outcome, Status, now
from core.models.access import Person
from core.models.kept import PolicyVersion
from core.ops import durable
from core.policy import versions
from core.runtime import Runtime
from core.stages.deliver import restoring
from core.vendors.base import Deployed, VendorError
from tests import factories, scenes
from tests.guards.stored import audited, notified, one, refused, rows, stored, workflow
from tests.who import by


class Host:
    """A deployer whose production serves ``live``."""

    name = "vercel"

    def __init__(self, live: str | None = "dpl_9d03", fault: VendorError | None = None):
        self.live, self.fault, self.asked, self.stuck = live, fault, [], False

    def with_key(self, project, key):
        return []

    def production(self, project):
        return self.live and Deployed(self.live, "https://shop.example", "READY")

    def rollback(self, project, to):
        if self.fault:
            raise self.fault
        self.asked.append((project, to))
        self.live = self.live if self.stuck else to


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
    runtime.use(Runtime(console, vercel=made))
    return made


def test_a_rollback_restores_production_and_escalates_the_issue(host):
    row = released()
    done = production.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    assert (done.done, done.message) == (True, "rolled back to dpl_4f1c")
    assert host.asked == [("shop", "dpl_4f1c")]
    kept, change, issue = one(Deployment, row.id), one(ChangeSet, row.change_set_id), one(Issue, row.issue_id)
    assert (kept.status, kept.note, change.status) == ("rolled_back", "worse (approver)", "rolled_back")
    assert abs(now() - kept.ended_at) < timedelta(minutes=1)
    assert (issue.status, issue.reason) == (Status.ESCALATED, "rolled back by approver: worse")
    assert [(r.result, r.note, r.by) for r in rows(Outcome)] == [("rolled_back", "worse", "approver")]
    assert notified("rolled_back")[0].body == "worse. rolled back to dpl_4f1c"
    assert audited("roll_back") == [
        ("approver", f"deployment/{row.id}", {"reason": "worse", "says": done.message, "via": "console"})
    ]
    assert workflow(issue.workflow_id) == "CANCELLED"


def test_a_rollback_that_died_before_its_audit_row_is_audited_when_it_resumes(host, monkeypatch):
    row = released()

    class Died(BaseException):
        pass

    def die(*given, **named):
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(restoring.effects, "of_issue", die)
        with pytest.raises(Died):
            restoring.restore(runtime.current(), row)
    for _ in range(2):
        assert restoring.restore(runtime.current(), one(Deployment, row.id)).status == "rolled_back"
    moved = {"from": row.vendor_id, "to": row.previous_vendor_id, "repository": row.repository}
    assert audited("rollback") == [("platform", f"issue/{row.issue_id}", moved)] and len(host.asked) == 1


@pytest.mark.parametrize(("permanent", "written"), [(False, 1), (True, 0)])
def test_a_rollback_whose_answer_was_lost_is_audited_when_it_is_seen(host, permanent, written):
    """A refused rollback that somebody makes later is not the platform's."""
    row, host.fault = released(), VendorError("vercel", "timed out", permanent=permanent)
    with pytest.raises(VendorError):
        restoring.restore(runtime.current(), row)
    host.live = row.previous_vendor_id
    for _ in range(2):
        assert restoring.restore(runtime.current(), one(Deployment, row.id)).status == "rolled_back"
    assert len(audited("rollback")) == written


def test_a_rollback_by_others_is_not_audited_as_the_platforms(host):
    row = released()
    host.live = row.previous_vendor_id
    assert restoring.restore(runtime.current(), row).status == "rolled_back"
    assert audited("rollback") == []


def test_a_superseded_deployment_is_not_recorded_as_rolled_back(host):
    row, host.live = released(), "dpl_new"
    done = production.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    left = "production was left unchanged: it serves the newer deployment dpl_new"
    assert done.message == left and host.asked == []
    kept, issue = one(Deployment, row.id), one(Issue, row.issue_id)
    assert (kept.status, kept.note) == ("superseded", "worse (approver)")
    assert (issue.status, issue.reason) == (Status.ESCALATED, f"{left}; approver asked for its rollback: worse")
    assert [r.result for r in rows(Outcome)] == ["escalated"] and notified("rolled_back") == []


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_a_deployment_with_an_alarm_can_be_rolled_back_which_ends_the_alarm(host, status):
    row = released(status, alarm="the vendor did not answer")
    assert production.roll_back(row.id, actor=by("approver"), reason="worse", key="k").done
    assert (one(Deployment, row.id).status, one(Deployment, row.id).alarm) == ("rolled_back", "")


def test_a_repeated_rollback_does_not_call_the_vendor(host):
    row = released()
    production.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    before = stored()
    again = production.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    assert (again.done, again.message) == (False, "already rolled back")
    assert stored() == before and len(host.asked) == 1


@pytest.mark.parametrize("environment", ["preview", "production"])
@pytest.mark.parametrize("status", ["pending", "ready", "failed", "watching", "verified", "rolled_back"])
def test_only_a_live_deployment_can_be_rolled_back(host, environment, status):
    row = released(status, environment)
    if environment == "production" and status in ("verified", "watching"):
        assert production.roll_back(row.id, actor=by("approver"), reason="worse", key="k").done
        return
    refused(production.roll_back, row.id, says=f"This {environment} deployment is {status} and cannot", reason="worse")
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
def test_a_newer_deployment_of_the_same_repository_takes_precedence(host, newer, blocked):
    released(), released(repository="other")
    row = released()
    later = released(**newer)
    if blocked:
        refused(production.roll_back, row.id, says=f"Deployment {later.id} is newer", reason="worse")
        assert host.asked == []
    else:
        assert production.roll_back(row.id, actor=by("approver"), reason="worse", key="k").done


def test_a_rollback_refused_by_the_vendor_is_not_recorded(host):
    row, host.fault = released(), VendorError("vercel", "not today", permanent=True)
    before = stored()  # including its workflow: the guard still holds
    with pytest.raises(Refused, match="vercel: not today"):
        production.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    assert stored() == before


def test_a_deployment_that_does_not_exist(host):
    refused(production.roll_back, 404, says="This deployment does not exist.", reason="worse")


# --- keep ------------------------------------------------------------------------------------------


def test_a_watched_deployment_is_kept_with_a_reason(host):
    row = released("watching", ended_at=None)
    done = production.keep(row.id, actor=by("approver"), reason="the shop works", key="k")
    assert done.done and "unless that look finds a regression" in done.message
    kept = one(Deployment, row.id)
    assert (kept.kept_by, kept.status, kept.ended_at) == ("approver", "watching", None)
    assert audited("keep") == [
        ("approver", f"deployment/{row.id}", {"reason": "the shop works", "via": "console"})
    ]  # fmt: skip
    assert host.asked == [] and workflow(one(Issue, row.issue_id).workflow_id) == "ENQUEUED"
    before = stored()
    assert not production.keep(row.id, actor=by("approver"), reason="the shop works", key="k").done
    assert stored() == before


@pytest.mark.parametrize("environment", ["preview", "production"])
@pytest.mark.parametrize("status", ["pending", "ready", "failed", "verified", "superseded", "rolled_back", "watching"])
def test_only_a_watched_production_deployment_is_kept(host, environment, status):
    row = released(status, environment)
    if (environment, status) != ("production", "watching"):
        refused(production.keep, row.id, says="not being watched", reason="fine")


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_keeping_needs_a_reason(host, reason):
    refused(production.keep, released("watching").id, says="Enter a reason", reason=reason)


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_keeping_needs_an_approver(host, role):
    row = released("watching")
    with pytest.raises(Refused, match="cannot approve"):
        production.keep(row.id, actor=by(role), reason="fine", key="k")
    assert one(Deployment, row.id).kept_by is None and audited("keep") == []


def test_a_rollback_without_an_effect_is_refused(host):
    row, host.stuck = released(), True
    with pytest.raises(Refused, match="production serves dpl_9d03 after the rollback"):
        production.roll_back(row.id, actor=by("approver"), reason="worse", key="k")
    assert one(Deployment, row.id).status == "verified"


# --- the policy ------------------------------------------------------------------------------------


def changed(console, text=None, based_on=None, reason="fewer", key="k", actor="admin"):
    old = console.platform_file.read_text()
    text = old.replace("deployments_per_hour = 5", "deployments_per_hour = 2") if text is None else text
    given = {"reason": reason, "based_on": versions.digest(old) if based_on is None else based_on, "key": key}
    return policy.change_policy(text, actor=by(actor), **given)


def test_an_applied_policy_is_a_version_with_its_reason(console):
    before = versions.digest(console.platform_file.read_text())
    receipt = changed(console)
    made = rows(PolicyVersion)[-1]
    assert receipt.message == f"Policy version {made.id} is in force from the next decision on."
    assert (made.by, made.reason, made.text) == ("admin", "fewer", console.platform_file.read_text())
    assert runtime.current().policy.guards.deployments_per_hour == 2
    assert audited("change_policy") == [
        ("admin", "policy",
         {"version": made.id, "before": before, "after": made.sha256, "reason": "fewer", "via": "console"})
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"reason": " "}, "Enter a reason"),
        ({"based_on": "older"}, "has changed since you opened it"),
        ({"text": "[guards]\nspeed = 9\n"}, "speed"),
        ({"text": "not toml"}, "platform.toml"),
    ],
)
def test_a_refused_policy_changes_nothing(console, values, says):
    before, text_before = stored(), console.platform_file.read_text()
    with pytest.raises(Refused, match=says):
        changed(console, **values)
    assert stored() == before and console.platform_file.read_text() == text_before


def test_only_an_admin_changes_the_policy(console):
    text_before = console.platform_file.read_text()
    with pytest.raises(Refused, match="cannot change policy"):
        changed(console, actor="approver")
    assert console.platform_file.read_text() == text_before and rows(PolicyVersion) == []
    assert len(rows(Person)) == 5


def test_a_key_is_bound_to_the_reason_of_a_rollback(host):
    row = released()
    assert production.roll_back(row.id, actor=by("approver"), reason="worse", key="k").done
    with pytest.raises(Reused):
        production.roll_back(row.id, actor=by("approver"), reason="another reason", key="k")
    assert host.asked == [("shop", "dpl_4f1c")]


def test_a_key_is_bound_to_the_reason_of_keeping(host):
    host.live = "dpl_9d03"
    row = released("watching", ended_at=None)
    assert production.keep(row.id, actor=by("approver"), reason="it is fine", key="k").done
    with pytest.raises(Reused):
        production.keep(row.id, actor=by("approver"), reason="another reason", key="k")
    assert len(audited("keep")) == 1


@pytest.mark.parametrize("field", ["text", "reason"])
def test_a_key_is_bound_to_the_whole_change_of_the_policy(console, field):
    runtime.use(Runtime(console))
    text = console.platform_file.read_text(encoding="utf-8")
    given = {"text": f"{text}\n# a note\n", "reason": "clearer"}
    assert policy.change_policy(**given, actor=by("admin"), based_on=versions.digest(text), key="k").done
    kept = console.platform_file.read_text(encoding="utf-8")
    again = given | {field: f"{given[field]}# more\n"}
    with pytest.raises(Reused):
        policy.change_policy(**again, actor=by("admin"), based_on=versions.digest(kept), key="k")
    assert console.platform_file.read_text(encoding="utf-8") == kept


COMMANDS = """
[repositories.shop.commands]
deploy = ["bin/deploy"]
status = ["bin/status"]
rollback = ["bin/rollback"]
secrets = ["DEPLOY_TOKEN"]
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", COMMANDS),  # commands where there were none
        (COMMANDS, ""),
        (COMMANDS, COMMANDS.replace('"bin/deploy"', '"bin/other"')),
        (COMMANDS, COMMANDS.replace('"bin/status"', '"bin/status", "--all"')),
        (COMMANDS, COMMANDS.replace("DEPLOY_TOKEN", "GITHUB_TOKEN")),
        (COMMANDS, f'{COMMANDS}[repositories.shop.environment]\nPATH = "/tmp"\n'),  # variables of the commands
    ],
)
def test_what_the_platform_runs_by_itself_is_only_changed_in_the_file(console, before, after):
    shop = console.platform_file.read_text(encoding="utf-8")
    console.platform_file.write_text(shop + before, encoding="utf-8")
    runtime.use(Runtime(console))
    given = {"actor": by("admin"), "reason": "r", "based_on": versions.digest(shop + before), "key": "k"}
    with pytest.raises(Refused, match="The deployment commands of shop can only be changed in platform.toml itself"):
        policy.change_policy(shop + after, **given)
    assert console.platform_file.read_text(encoding="utf-8") == shop + before


def test_other_changes_leave_the_commands_alone(console):
    text = console.platform_file.read_text(encoding="utf-8") + COMMANDS
    console.platform_file.write_text(text, encoding="utf-8")
    runtime.use(Runtime(console))
    more = f'{text}\n[repositories.other]\nremote = "https://git.example/other.git"\n'
    assert policy.change_policy(more, actor=by("admin"), reason="r", based_on=versions.digest(text), key="k").done


def test_a_revert_that_waits_for_its_merge_is_escalated_and_told(host, monkeypatch):
    """The change still serves production, so it does not count as rolled back."""
    row = released()
    back = restoring.Restored("reverting", "revert 7 is proposed")
    monkeypatch.setattr(restoring, "restore", lambda *_: back)
    assert production.roll_back(row.id, actor=by("approver"), reason="worse", key="k").message == "revert 7 is proposed"
    kept, change, issue = one(Deployment, row.id), one(ChangeSet, row.change_set_id), one(Issue, row.issue_id)
    assert (kept.status, change.status != "rolled_back") == ("reverting", True)
    assert (issue.status, issue.reason) == (Status.ESCALATED, "revert 7 is proposed; approver asked for it: worse")
    [outcome] = rows(Outcome)
    assert (outcome.result, outcome.by, outcome.note) == ("failed", "approver", "worse")
    assert notified("reverting")[0].body == "worse. revert 7 is proposed" and notified("rolled_back") == []

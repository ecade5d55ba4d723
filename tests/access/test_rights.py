"""Every action checks the right in the store at that moment; four eyes; who may answer; simultaneous answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlmodel import select

from core.access import accounts, rights
from core.access.rights import Actor, Forbidden, IdentityProof, Refused
from core.actions import approvals, issues, registry
from core.audit import chain
from core.db import store
from core.models import AuditRow, ChangeSet, Issue, Status, now
from core.models.access import Role
from tests import scenes, waiting
from tests.who import by

GIVEN = {
    "approve": {"patch_hash": "x"},
    "reject": {"reason": "no"},
    "pass_on": {"to": "bob", "reason": "yours"},
    "hand_back": {"reason": "not mine"},
    "escalate": {"to": "ops", "reason": "why"},
    "retry": {},
    "resolve": {"how": "by hand", "cured": True},
    "dismiss": {"reason": "noise"},
    "roll_back": {"reason": "worse"},
    "keep": {"reason": "it works"},
    "change_policy": {"reason": "faster", "based_on": "x"},
    "merge": {"into": 405},
    "split": {"fingerprints": ["f"]},
    "link": {"parent": 405, "reason": "the same outage"},
    "unlink": {"reason": "another fault"},
    "silence": {"minutes": 60, "reason": "known"},
    "end_silence": {},
    "start_now": {},
    "restart_from": {"step": 6, "reason": "again"},
    "release_anyway": {"patch_hash": "x", "reason": "it was another fault"},
    "stop": {"reason": "incident"},
    "start": {},
    "lift": {"reason": "understood"},
    "revert_change": {"commit": "4f1c2ab"},
    "comment_line": {"change": 404, "place": "shop/cart.py:44", "text": "round it"},
    "acknowledge": {},
    "set_owner": {"to": "operator"},
    "subscribe": {},
    "unsubscribe": {},
    "add_note": {"text": "restarted the cache"},
}
LEAST = {"approve": Role.APPROVER, "reject": Role.APPROVER, "pass_on": Role.APPROVER, "hand_back": Role.APPROVER,
         "roll_back": Role.APPROVER, "keep": Role.APPROVER, "escalate": Role.OPERATOR, "retry": Role.OPERATOR,
         "resolve": Role.OPERATOR,
         "dismiss": Role.OPERATOR, "merge": Role.OPERATOR, "split": Role.OPERATOR, "silence": Role.OPERATOR,
         "link": Role.OPERATOR, "unlink": Role.OPERATOR,
         "end_silence": Role.OPERATOR, "change_policy": Role.ADMIN, "start_now": Role.OPERATOR,
         "restart_from": Role.OPERATOR, "release_anyway": Role.APPROVER, "stop": Role.OPERATOR,
         "start": Role.APPROVER, "lift": Role.APPROVER, "revert_change": Role.OPERATOR, "comment_line": Role.OPERATOR,
         "acknowledge": Role.OPERATOR, "set_owner": Role.OPERATOR,
         "subscribe": Role.VIEWER, "unsubscribe": Role.VIEWER, "add_note": Role.OPERATOR}  # fmt: skip
RANK = list(Role)


def trail(action: str) -> list[AuditRow]:
    with store.read() as session:
        return session.exec(select(AuditRow).where(AuditRow.action == action)).all()


WORK = {name: action.run for name, action in registry.registry().items()}


def test_the_tables_cover_every_action():
    assert set(WORK) == set(GIVEN) == set(LEAST)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", GIVEN)
def test_an_action_requires_its_right(console, name, role):
    """Without it, the attempt is refused and audited; with it, the action's own checks run (there is no target)."""
    work = WORK[name]
    expected = Refused if RANK.index(role) >= RANK.index(LEAST[name]) else Forbidden
    with pytest.raises(expected):
        work("[guards]\nspeed = 9" if name == "change_policy" else 404, actor=by(role.value), key="k", **GIVEN[name])
    told = [(row.actor, row.detail["asked"]) for row in trail("forbidden")]
    assert told == ([(role.value, name)] if expected is Forbidden else [])


@pytest.mark.parametrize("name", ["nobody", "", "platform", "admin' OR '1'='1"])
def test_an_unknown_person_has_no_rights(console, name):
    with pytest.raises(Forbidden, match="There is no active person named"):
        issues.dismiss(1, actor=by(name), reason="x", key="k")


def test_the_stored_role_counts_not_the_actors(console):
    number, _, patch = waiting.question()
    brought = Actor("bob", Role.ADMIN, proof=IdentityProof.SESSION)
    accounts.set_role("bob", Role.VIEWER, by="admin")
    with pytest.raises(Forbidden, match="bob \\(viewer\\) cannot"):
        approvals.approve(number, actor=brought, patch_hash=patch, key="k")
    accounts.set_role("bob", Role.APPROVER, by="admin")
    accounts.set_disabled("bob", True, by="admin")
    with pytest.raises(Forbidden):
        approvals.approve(number, actor=brought, patch_hash=patch, key="k")
    assert waiting.state(number).state == "pending"


def test_a_token_is_limited_to_its_scopes(console):
    number, _, patch = waiting.question()
    token = Actor("bob", Role.APPROVER, frozenset({rights.VIEW, rights.OPERATE}), "api", IdentityProof.TOKEN)
    with pytest.raises(Forbidden, match="lacks the scope 'approve'"):
        approvals.approve(number, actor=token, patch_hash=patch, key="k")


def test_an_approval_is_audited_with_actor_subject_and_channel(console):
    number, issue, patch = waiting.question()
    assert approvals.approve(number, actor=by("bob"), patch_hash=patch, key="k").done
    assert not approvals.approve(number, actor=by("bob"), patch_hash=patch, key="k").done
    [row] = trail("approve")
    assert (row.actor, row.subject) == ("bob", f"issue/{issue}")
    assert row.detail == {"approval": number, "patch": patch, "via": "console"}
    with store.read() as session:
        assert chain.verify(session).ok


@pytest.mark.parametrize("service, requester, refused", [
    ("checkout", "bob", True), ("checkout", "admin", False), ("checkout", None, False), ("cart", "bob", False),
    ("payment", "bob", True),
])  # fmt: skip
def test_four_eyes(console, service, requester, refused):
    """The requester of a fix for a critical service cannot approve it; they may reject it."""
    number, _, patch = waiting.question(service, requester)
    if refused:
        with pytest.raises(Refused, match="Four eyes: bob requested this fix"):
            approvals.approve(number, actor=by("bob"), patch_hash=patch, key="k")
        assert waiting.state(number).state == "pending"
        assert approvals.reject(number, actor=by("bob"), reason="mine was wrong", key="r").done
    else:
        assert approvals.approve(number, actor=by("bob"), patch_hash=patch, key="k").done


def test_the_policy_can_require_four_eyes_for_every_service(console):
    console.platform_file.write_text(console.platform_file.read_text() + '[approval]\nfour_eyes = "always"\n')
    number, _, patch = waiting.question("cart", "bob")
    with pytest.raises(Refused, match="Four eyes"):
        approvals.approve(number, actor=by("bob"), patch_hash=patch, key="k")


def test_a_retry_makes_the_person_the_requester_of_the_new_run(console):
    with store.write() as session:
        issue = scenes.story(session, Status.ESCALATED)
    issues.retry(issue.id, actor=by("operator"), key="k")
    with store.read() as session:
        assert session.get_one(Issue, issue.id).requested_by == "operator"


def test_an_approval_is_void_if_the_patch_changes(console):
    number, _, patch = waiting.question()
    with store.write() as session:
        session.get_one(ChangeSet, waiting.state(number).change_set_id).patch_hash = "another"
    for given in (patch, "another"):
        with pytest.raises(Refused, match="The patch has changed"):
            approvals.approve(number, actor=by("bob"), patch_hash=given, key="k")
    assert waiting.state(number).state == "pending"


def test_an_expired_approval_cannot_be_answered(console):
    number, _, patch = waiting.question(expires_at=now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="expired"):
        approvals.approve(number, actor=by("bob"), patch_hash=patch, key="k")


GROUPS = '[access.groups]\npayments = ["bob"]\n'


@pytest.mark.parametrize("to, person, may", [
    ("bob", "bob", True), ("bob", "approver", False), ("bob", "admin", True),
    ("payments", "bob", True), ("payments", "approver", False),
])  # fmt: skip
def test_only_the_assignees_answer_an_assigned_approval(console, to, person, may):
    console.platform_file.write_text(console.platform_file.read_text() + GROUPS)
    number, _, patch = waiting.question()
    approvals.pass_on(number, actor=by("approver"), to=to, reason="they know it", key="p")
    assert waiting.state(number).assignee == to
    if may:
        assert approvals.approve(number, actor=by(person), patch_hash=patch, key="k").done
    else:
        with pytest.raises(Refused, match=f"Assigned to {to}"):
            approvals.approve(number, actor=by(person), patch_hash=patch, key="k")


def test_an_approval_is_assigned_only_to_somebody_who_can_answer_it(console):
    number, _, _ = waiting.question()
    for to in ("operator", "viewer", "nobody", "on-call"):
        with pytest.raises(Refused, match="neither a group nor an approver"):
            approvals.pass_on(number, actor=by("approver"), to=to, reason="x", key="p")


def test_a_returned_approval_is_open_to_every_approver(console):
    number, _, patch = waiting.question(assignee="bob")
    approvals.hand_back(number, actor=by("bob"), reason="on leave", key="h")
    assert waiting.state(number).assignee is None
    with pytest.raises(Refused, match="Any approver can already answer it"):
        approvals.hand_back(number, actor=by("bob"), reason="again", key="h2")
    assert approvals.approve(number, actor=by("approver"), patch_hash=patch, key="k").done


def test_of_two_simultaneous_answers_one_wins_and_the_other_is_refused(console):
    number, _, patch = waiting.question()

    def answer(person: str) -> str:
        try:
            return approvals.approve(number, actor=by(person), patch_hash=patch, key=f"k-{person}").message
        except Refused as refusal:
            return str(refusal)

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(answer, ("bob", "approver")))
    winner = waiting.state(number).by
    assert told == [f"Already approved by {winner}", "Approved. The release starts."]
    assert len(trail("approve")) == 1

"""Fixes that depend on each other: one whose test meets another issue's fault, and one that another issue has too."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from core.actions import deployments
from core.db import store
from core.models import ChangeSet, Crash, Deployment, Frame, Issue, Kind, Outcome, Raised, Signal, Status, now
from core.repair import engine
from core.stages import dependence
from core.vendors.command import git
from tests.stories.test_flow import ended, rows
from tests.stories.world import until, write_known_fix
from tests.who import by

TILL = "from shop import share\n\n\ndef tax():\n    return {rate}\n\n\ndef total():\n    return share(0, 0) + tax()\n"
SOUND, BROKEN = TILL.format(rate="0.2"), TILL.format(rate='{}["rate"]')
TEST = "from till import total\n\n\ndef test_nothing():\n    assert total() == 0.2\n"


def deploys(w, text: str) -> None:
    """The team's deployment of till.py, on top of what production serves."""
    team, serving = w.folder / "team", w.deployer.production("shop")
    git(team, "fetch", "--quiet", str(w.origin), "+refs/heads/*:refs/remotes/origin/*")
    git(team, "checkout", "--quiet", "--detach", serving.sha)
    (team / "till.py").write_text(text)
    git(team, "add", "--all")
    git(team, "commit", "--quiet", "--message", "Till")
    git(team, "push", "--quiet", "--force", str(w.origin), "HEAD:refs/heads/till")
    sha, name = git(team, "rev-parse", "HEAD").strip(), f"dpl_{uuid4().hex[:6]}"
    with w.ledger.lock:
        made = w.ledger.get("deployments", {})
        w.ledger.put("deployments", {**made, name: {"vendor_id": name, "sha": sha, "kind": "production"}})
        w.ledger.move(name)
        w.ledger.put("rates", {**w.ledger.get("rates", {}), name: 0.1})


def other_issue(status: Status = Status.FIXING) -> int:
    """Of the fault in till.tax."""
    crash = Crash(
        service="pricing",
        exception=Raised(type="KeyError", message="'rate'"),
        frames=(Frame(file="/app/till.py", line=5, function="tax", code='return {}["rate"]'),),
    )
    with store.write() as session:
        issue = Issue(fingerprint="f-till", title="KeyError: 'rate'", service="pricing", status=status, run=1)
        session.add(issue)
        session.flush()
        session.add(
            Signal(source="sentry", vendor_id="till", kind=Kind.EXCEPTION, service="pricing", title=issue.title,
                   crash=crash.model_dump(mode="json", by_alias=True), issue_id=issue.id, at=now(),
                   fingerprint=issue.fingerprint)
        )  # fmt: skip
        return issue.id


def ends(issue_id: int, status: Status) -> None:
    with store.write() as session:
        issue = session.get_one(Issue, issue_id)
        issue.status, issue.ended_at, issue.resolution = status, now(), "the rate is back"


@pytest.fixture
def tested_by_total(monkeypatch):
    """The fix's regression test enters at till.total, which calls till.tax further on."""

    def repair(tree, crash, **given):
        found = write_known_fix(tree, crash, **given)
        (tree / found.test.path).write_text(TEST)
        return replace(found, test=replace(found.test, code=TEST))

    monkeypatch.setattr(engine, "repair", repair)
    monkeypatch.setattr(dependence, "LOOK", 0.2)


def queued(w) -> int:
    """An issue whose proved fix waits for its release."""
    deployments.stop(actor=by("bob"), reason="drill", key="stop")
    issue_id = w.issue()
    until(lambda: w.get(issue_id).status is Status.QUEUED)
    return issue_id


def goes_on() -> None:
    deployments.start(actor=by("bob"), key="start")


def released(w, issue_id: int) -> Issue:
    """The issue at its end; its fault was frequent until the release, so that the watch can tell soon."""
    live = (Deployment.issue_id == issue_id, Deployment.environment == "production", Deployment.status == "watching")
    until(lambda: rows(Deployment, *live))
    w.was_frequent(issue_id)
    return ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)


def test_a_fix_whose_test_meets_another_fault_waits_for_that_ones_fix_and_is_tried_again(world, tested_by_total):
    w = world()
    deploys(w, SOUND)
    issue_id = queued(w)
    deploys(w, BROKEN)
    other = other_issue()
    goes_on()
    until(lambda: f"Waiting for the fix of issue {other} (KeyError: 'rate', in pricing)" in w.get(issue_id).reason)
    assert w.get(issue_id).status is Status.QUEUED
    assert not w.ledger.effects("production")
    places = rows(Deployment, Deployment.issue_id == issue_id, Deployment.environment == "production")
    assert [row.status for row in places] == ["failed"], "its place in the hour's limit is free meanwhile"
    deploys(w, SOUND)
    ends(other, Status.RESOLVED)
    issue = released(w, issue_id)
    assert issue.status is Status.RESOLVED and issue.run == 1, issue.reason
    assert len(w.ledger.effects("production")) == 1 and not w.ledger.effects("rollback")


@pytest.mark.parametrize("met", [Status.ESCALATED, None])
def test_a_fix_whose_test_meets_a_fault_that_has_no_fix_goes_to_a_person_who_is_told_of_both(
    world, tested_by_total, monkeypatch, met
):
    monkeypatch.setattr("core.flow.TRIES", 2)
    w = world()
    deploys(w, SOUND)
    issue_id = queued(w)
    deploys(w, BROKEN)
    other = met and other_issue(met)
    goes_on()
    issue = ended(w, issue_id, Status.ESCALATED, Status.RESOLVED)
    named = f"issue {other} (KeyError: 'rate', in pricing)" if other else "one that no issue covers yet"
    assert issue.status is Status.ESCALATED and named in issue.reason, issue.reason
    assert not w.ledger.effects("production")


def test_one_fix_cures_two_issues(world, monkeypatch):
    monkeypatch.setattr(dependence, "LOOK", 0.2)
    w = world()
    first = queued(w)
    second = w.issue()
    until(lambda: f"Waiting for the fix of issue {first}" in w.get(second).reason)
    goes_on()
    assert released(w, first).status is Status.RESOLVED
    issue = ended(w, second, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED and issue.reason.startswith(f"Fixed by the fix of issue {first}: ")
    assert len(w.ledger.effects("production")) == 1 == len(w.ledger.effects("pull"))
    assert [o.result for o in rows(Outcome)] == ["fixed", "fixed"]


def test_what_the_same_fix_of_another_issue_does_not_cure_is_begun_anew(world, monkeypatch):
    monkeypatch.setattr(dependence, "LOOK", 0.2)
    w = world()
    first = queued(w)
    second = w.issue()
    until(lambda: f"Waiting for the fix of issue {first}" in w.get(second).reason)
    w.report(second, [600.0])  # it is seen again long after the release
    goes_on()
    assert released(w, first).status is Status.RESOLVED
    until(lambda: w.get(second).run == 2)
    assert rows(ChangeSet, ChangeSet.issue_id == second, ChangeSet.run == 1)[0].status == "stale"


@pytest.fixture
def young(world, monkeypatch):
    """A world whose production began to serve when it was made; a release waits for three seconds of it."""
    w = world(watch=4.0)
    text = w.settings.platform_file.read_text().replace("[watch]", "[watch]\nearliest = 3.0")
    w.settings.platform_file.write_text(text)
    w.begun, plain = now(), w.deployer.production
    monkeypatch.setattr(w.deployer, "production", lambda project: replace(plain(project), since=w.begun))
    return w


def test_a_release_that_waited_for_its_base_looks_again_whether_releases_are_stopped(young):
    young.begun = now() + timedelta(seconds=3)
    issue_id = young.issue()
    until(lambda: rows(Deployment, Deployment.environment == "production"))
    deployments.stop(actor=by("bob"), reason="drill", key="stop")
    until(lambda: "stopped" in young.get(issue_id).reason)
    assert now() >= young.begun and not young.ledger.effects("production")
    goes_on()
    until(lambda: young.ledger.effects("production"))


def test_a_release_goes_out_on_top_of_what_has_served_long_enough(young):
    """Else the faults of a deployment that is seconds old would be taken for those of the release."""
    issue_id, begun = young.issue(), young.begun
    until(lambda: rows(Deployment, Deployment.issue_id == issue_id, Deployment.environment == "production"))
    ready = until(lambda: rows(Deployment, Deployment.environment == "production")[0].ready_at)
    assert ready - begun >= timedelta(seconds=3)
    row = rows(Deployment, Deployment.environment == "production")[0]
    assert row.judged["replaced_since"] == begun.isoformat()

"""CodeRabbit in the flow: its findings go back to the fixer; without its word a person is asked."""

from __future__ import annotations

from sqlmodel import select

from core.db import store
from core.models import Approval, Review, Stage, StageRun, Status
from core.repair import engine
from core.vendors.base import ReviewFinding, ReviewProgress, VendorError
from tests.stories.world import until

RULES = "\n[coderabbit]\nenabled = true\nwait_minutes = {minutes}\nevery_seconds = 0.1\n"


class Peer:
    """Gives one of ``looks`` after the other, the last for ever; an error among them is raised."""

    name = "coderabbit"

    def __init__(self, *looks):
        self.looks, self.heads, self.asked = list(looks), [], []

    def look(self, repository, number, head) -> ReviewProgress:
        self.heads.append(head)
        found = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(found, Exception):
            raise found
        return found

    def ask(self, repository, number, key) -> None:
        self.asked.append(key)


def start(world, peer, minutes: float = 5):
    w = world()
    w.settings.platform_file.write_text(w.settings.platform_file.read_text() + RULES.format(minutes=minutes))
    w.rt.reviewer = peer
    return w, w.issue()


def rows(table):
    with store.read() as session:
        return session.exec(select(table).order_by(table.id)).all()


def ended(w, issue_id, *states):
    return until(lambda: w.get(issue_id) if w.get(issue_id).status in states else None)


def test_findings_go_back_to_the_fixer_and_what_is_mended_is_released(world, monkeypatch):
    leak = ReviewFinding("shop.py", 2, "critical", "division by the wrong number")
    note = ReviewFinding("shop.py", 1, "nitpick", "a docstring would help")
    peer = Peer(
        ReviewProgress("waiting", message="not finished"),
        VendorError("github", "has a fault of its own (502)", status=502),
        ReviewProgress("done", (leak, note), "2 findings"),
        ReviewProgress("done", (note,), "1 finding"),
    )
    heard, write = [], engine.repair

    def listen(tree, crash, *, feedback, **other):
        heard.append(list(feedback))
        return write(tree, crash, **other)

    monkeypatch.setattr(engine, "repair", listen)
    w, issue_id = start(world, peer)
    issue = ended(w, issue_id, Status.RESOLVED, Status.ESCALATED)
    assert issue.status is Status.RESOLVED, issue.reason
    assert heard == [[], ["shop.py:2: critical: division by the wrong number"]]
    first, second = rows(Review)
    assert (first.passed, second.passed) == (False, True)
    assert [(g["gate"], g["passed"]) for g in first.gates if g["done"]] == [
        ("style", True), ("capabilities", True), ("generated test", True), ("coderabbit", False)
    ]  # fmt: skip
    assert [f["severity"] for f in second.findings if f["gate"] == "coderabbit"] == ["nitpick"]
    assert len(peer.heads) == 4 and not peer.asked
    lines = [r for r in rows(StageRun) if r.stage is Stage.REVIEW]
    assert [(r.attempt, r.result) for r in lines] == [(1, "failed"), (2, "ok")]


def test_a_limit_is_waited_for_asked_again_and_then_a_person_approves(world):
    peer = Peer(ReviewProgress("limited", message="review limited", wait=0.2))
    w, issue_id = start(world, peer)
    ended(w, issue_id, Status.AWAITING_APPROVAL)
    head = peer.heads[0][:12]
    assert peer.asked == [f"review-{head}-1"], "first the wait that it asked for, then one request"
    (question,), (review,) = rows(Approval), rows(Review)
    assert question.state == "pending" and review.passed
    assert review.gates[-1]["passed"] is False and "a person's approval is required instead" in review.gates[-1]["says"]
    assert not w.ledger.effects("production")


def test_silence_is_no_approval(world):
    w, issue_id = start(world, Peer(ReviewProgress("waiting", message="CodeRabbit has not finished")), minutes=0.01)
    ended(w, issue_id, Status.AWAITING_APPROVAL)
    assert not w.ledger.effects("production")

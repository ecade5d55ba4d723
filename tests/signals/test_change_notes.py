"""Red runs, merges and open pull requests as evidence beside the changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.models import Record
from core.models.enums import PENDING
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.blame import rank
from core.signals.analysis.change_notes import pending
from core.signals.analysis.types import IssueFacts

AT = datetime(2026, 1, 5, 4, 3, tzinfo=UTC)
SHA, OTHER = "a" * 40, "b" * 40


def change(name: str, minutes: float = 5, sha: str = SHA, level: str = "info", **attributes) -> Record:
    values = {"repository": "acme/shop", "sha": sha, **attributes}
    at = AT - timedelta(minutes=minutes)
    given = {"source": "github", "vendor_id": f"{name}{minutes}", "kind": "change", "at": at, "title": name}
    return Record.model_validate(given | {"release": sha or None, "level": level, "attributes": values})


def run(conclusion: str, sha: str = SHA) -> Record:
    return change(f"Workflow ci: {conclusion}", 4, sha, run=3, conclusion=conclusion)


def merge(**more) -> Record:
    return change("Pull request 7 merged: Faster", 5, pull_request=7, merged=True, **more)


def ranked(*changes: Record):
    return {s.name: s for s in rank(service="cart", began=AT, changes=changes)}


@pytest.mark.parametrize("conclusion", ["failure", "timed_out"])
def test_a_red_run_makes_its_commit_more_suspect(conclusion):
    commits = change("Faster", 5), change("Slower", 5, OTHER)
    found = ranked(*commits, run(conclusion))
    assert found[SHA[:12]].score > found[OTHER[:12]].score + 0.09
    assert f"its workflow run 'Workflow ci: {conclusion}' failed" in found[SHA[:12]].message


def test_a_green_run_says_nothing_against_its_commit():
    assert "workflow run" not in ranked(change("Faster"), run("success"))[SHA[:12]].message


def test_a_red_run_alone_is_a_suspect():
    assert "Workflow ci: failure" in ranked(run("failure"))[SHA[:12]].message


@pytest.mark.parametrize(
    ("reviews", "says"),
    [
        ({"approvals": 0, "objections": 0}, "pull request 7 was merged without an approval"),
        ({"approvals": 1, "objections": 1}, "pull request 7 was merged although a review asked for changes"),
        ({"approvals": 1, "objections": 0}, ""),
        ({}, ""),  # the webhook does not tell
    ],
)
def test_a_merge_is_a_suspect_and_says_how_it_was_reviewed(reviews, says):
    message = ranked(change("Faster", 6, files=["shop/cart.py"]), merge(**reviews))[SHA[:12]].message
    assert says in message and ("approval" in message or "review" in message) == bool(says)


def test_what_happened_after_the_onset_is_no_evidence():
    assert (
        "failed"
        not in ranked(change("Faster"), run("failure").model_copy(update={"at": AT + timedelta(hours=1)}))[
            SHA[:12]
        ].message
    )


def test_an_open_pull_request_is_no_suspect_but_is_shown_where_it_touches_the_stack():
    pulls = [
        change("Open pull request 9: Old state", 9, "", PENDING, pull_request=9, files=["shop/cart.py"]),
        change("Open pull request 9: Fix cart", 3, "", PENDING, pull_request=9, files=["shop/cart.py"], approvals=1),
        change("Open pull request 10: Docs", 3, "", PENDING, pull_request=10, files=["README.md"]),
    ]
    assert ranked(*pulls) == {}
    assert pending(pulls, {"shop/cart.py"}) == ["Open pull request 9: Fix cart touches shop/cart.py; it is approved"]
    frame = {"file": "shop/cart.py", "line": 9, "function": "add", "code": 'row["sku"]'}
    crash = {"exception": {"type": "KeyError", "message": "'sku'"}, "frames": [frame]}
    record = Record(source="sentry", vendor_id="1", kind="exception", service="cart", at=AT, title="x", crash=crash)
    found = EmbeddedAnalyst().analyze(IssueFacts("x", "cart", [record], changes=pulls))
    assert any(row["says"].startswith("Open pull request 9: Fix cart touches") for row in found.evidence)

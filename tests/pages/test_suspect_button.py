"""The button that proposes the revert of a suspect change: who sees it, when, and what it passes on."""

from __future__ import annotations

import pytest

from core.db import store
from core.models import Analysis, Status
from tests import scenes, screens

SHA = "4f1c2ab" * 5


def story(status: Status, **values) -> int:
    suspect = {"name": "Read prices from the cache", "title": "<b>x</b>", "sha": SHA, "score": 0.8, **values}
    with store.write() as session:
        made = scenes.story(session, status)
        found = session.exec(store.select(Analysis)).first()
        found.evidence = [{"says": "", "weight": 0, "change": suspect}]
    return made.id


@pytest.mark.parametrize(
    ("status", "person", "values", "offered"),
    [
        (Status.ESCALATED, "operator", {}, True),
        (Status.DISMISSED, "operator", {}, True),
        (Status.ESCALATED, "viewer", {}, False),
        (Status.FIXING, "operator", {}, False),
        (Status.RESOLVED, "operator", {}, False),
        (Status.ESCALATED, "operator", {"score": 0.4}, False),
        (Status.ESCALATED, "operator", {"sha": "", "name": "a flag"}, False),
    ],
)
def test_the_revert_is_offered_where_it_can_be_proposed(console, status, person, values, offered):
    number = story(status, **values)
    for page, query in (("issues", "issue"), ("approvals", "issue")):
        at = screens.visit(page, person, **{query: number})
        assert not at.exception
        assert ("Propose revert" in {button.label for button in at.button}) is offered
        assert ("Suspect change" in screens.seen(at)) is (values.get("score", 1) >= 0.5)
        assert "<b>x</b>" not in screens.seen(at)


def test_the_dialog_says_that_a_person_approves(console):
    at = screens.visit("issues", "operator", issue=story(Status.ESCALATED))
    dialog = next(b for b in at.button if b.label == "Propose revert").click().run()
    told = screens.seen(dialog)
    assert SHA[:10] in told and "A person approves it before production" in told

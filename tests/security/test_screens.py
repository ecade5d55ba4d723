"""What people see of a security finding: its kind, its proof in the right words, and its template."""

from __future__ import annotations

import pytest

from console.parts import change, story
from core.db import store
from core.models import ChangeSet, Kind, Status
from core.queries import changes, issues
from core.stages import pull_request
from core.stages.security import upgraded
from tests import scenes, screens

PROOF = {"fails_before": True, "passes_after": True, "fails_reverted": True, "older_tests_pass": True}


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("security/upgrade", "An advisory covers the old version"),
        ("security/line", "The new test fails on the old commit"),
    ],
)
def test_the_proof_of_an_upgrade_has_its_own_words(template, words):
    made = ChangeSet(issue_id=1, run=1, attempt=1, generator="security", template=template, proof=PROOF)
    assert words in str(change.proof(made))
    assert ("advisory" in pull_request._proof(made)) == (template == upgraded.TEMPLATE)


def test_the_issue_shows_its_kind_and_code_generation_its_template(tmp_path):
    screens.open_console(tmp_path)
    with store.write() as session:
        made = scenes.story(session, Status.RESOLVED, kind=Kind.SECURITY)
        session.flush()
        row = session.exec(store.select(ChangeSet).where(ChangeSet.issue_id == made.id)).first()
        row.template, row.generator = "security/upgrade", "security"
        number = made.id
    with store.read() as session:
        assert "security finding" in str(story.head(issues.story(session, number)))
        assert ("security", "security/upgrade") in {
            (r["generator"], r["template"]) for r in changes.statistics(session)
        }

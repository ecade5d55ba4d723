"""Memory: the most similar past issues first, each with its outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.actions import issues
from core.db import store
from core.models import Impact, Outcome, ServiceHealth, Severity, Status
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.signals.analysis.memory import PastIssue, similar
from core.stages import analyze
from tests import factories, scenes
from tests.who import by

NEW = PastIssue(9, "f", "KeyError/subscript", "cart", "KeyError: 'sku' in add")


@pytest.mark.parametrize(
    ("past", "alike"),
    [
        (PastIssue(1, "f", "KeyError/subscript", "cart", "KeyError: 'sku' in add"), 1.0),
        (PastIssue(1, "g", "KeyError/subscript", "cart", "KeyError: 'sku' in add"), 0.6),
        (PastIssue(1, "g", "KeyError/subscript", "mail", ""), 0.3),
        (PastIssue(1, "g", "other", "cart", "Disk is full"), None),
        (PastIssue(1, "g", "", "mail", "Disk is full"), None),
        (PastIssue(9, "f", "KeyError/subscript", "cart", "KeyError: 'sku' in add"), None),
    ],
)
def test_similarity(past, alike):
    assert similar(NEW, [past]) == ([(past, pytest.approx(alike))] if alike else [])


def test_the_most_similar_come_first_then_the_newest_up_to_the_limit():
    rows = [PastIssue(n, "g", NEW.pattern, "mail", "") for n in range(1, 9)] + [PastIssue(20, "f", "", "mail", "")]
    assert [past.id for past, _ in similar(NEW, rows)] == [20, 8, 7, 6, 5]
    assert similar(NEW, rows) == similar(NEW, rows[::-1])


def ended(session, result: str, **values):
    made = scenes.story(session, Status.ESCALATED, **values)
    session.exec(store.select(Outcome).where(Outcome.issue_id == made.id)).one().result = result
    return made


def past_of(platform, issue) -> list[str]:
    return analyze.gather(platform, issue.id).past


def test_a_persons_own_resolution_is_shown_with_the_next_similar_issue(platform):
    with store.write() as session:
        old = scenes.story(session, Status.ESCALATED, title="KeyError: 'sku' in add", fingerprint="f")
        new = factories.issue(session, title="KeyError: 'sku' in add", fingerprint="f", status=Status.NEW)
        factories.signal(session, new)
    issues.resolve(old.id, actor=by("operator"), how="the catalogue import was run again", cured=True, key="k")
    [first] = past_of(platform, new)
    assert first.startswith(f"issue {old.id} (KeyError: 'sku' in add), 100% alike: resolved by operator")
    assert first.endswith("the catalogue import was run again")
    found = EmbeddedAnalyst().analyze(analyze.gather(platform, new.id))
    assert any(first in term["says"] for term in found.evidence)


def test_failed_fixes_are_remembered_too(platform):
    with store.write() as session:
        worse = ended(session, "rolled_back", fingerprint="f", title="same")
        far = ended(session, "fixed", fingerprint="g", pattern="other", service="mail", title="Disk is full")
        new = factories.issue(session, fingerprint="f", title="same", status=Status.NEW)
    told = past_of(platform, new)
    assert [text.split(" (")[0] for text in told] == [f"issue {worse.id}"]
    assert "its fix was rolled back" in told[0]
    assert str(far.id) not in told[0].split(" (")[0]


def test_the_analysis_lists_every_reason_for_severity_and_impact(platform):
    with store.write() as session:
        made = scenes.story(session, Status.NEW)
    evidence = analyze.gather(platform, made.id)
    sick = ServiceHealth(requests=1000, errors=300, samples=5)
    well = ServiceHealth(requests=1000, errors=1, samples=5)
    records = [record.model_copy(update={"users": 400}) for record in evidence.records]
    more = {"critical": True, "impact": Impact.MEDIUM, "others": ["search", "mail"], "records": records}
    evidence = replace(evidence, health=sick, before=well, **more)
    found = EmbeddedAnalyst().analyze(evidence)
    says = " | ".join(term["says"] for term in found.evidence)
    assert (found.severity, found.impact) == (Severity.HIGH, Impact.HIGH)
    for ground in ("30.0% of 1000 requests fail: high", "400 affected users", "the error rate grew from 0.10% to 30",
                   "rates the impact of the service as medium", "2 other services failing: mail, search",
                   "listed as critical"):  # fmt: skip
        assert ground in says, says

"""The pull request of a fix: what failed and how often, cause, why this change, proof, what was not checked.

One for one issue: its branch carries the issue's number, and the code host looks for it first.
"""

from __future__ import annotations

import unicodedata

from sqlmodel import col, select

from core import store
from core.models import Analysis, ChangeSet, Issue, Review
from core.runtime import Runtime
from core.settings import Repository

PROOF = (
    ("fails_before", "the new test fails on the old code"),
    ("passes_after", "it passes with the fix"),
    ("fails_reverted", "it fails again with the fix alone taken back"),
    ("older_tests_pass", "all older tests still pass"),
)


def open_for(rt: Runtime, issue_id: int, change_id: int, repository: Repository) -> None:
    """Open (or find) the pull request and put the review's verdict on its commit."""
    if not (rt.host and repository.github):
        return
    with store.read() as session:
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
        analysis = session.exec(
            select(Analysis).where(Analysis.issue_id == issue_id).order_by(col(Analysis.id).desc()).limit(1)
        ).one()
        review = session.exec(
            select(Review).where(Review.change_set_id == change_id).order_by(col(Review.id).desc()).limit(1)
        ).one()
    pull = rt.host.open_pull(
        repository.github,
        change.branch,
        repository.branch,
        f"Fix {fenced(issue.title, 100)}",
        body(rt, issue, analysis, change, review),
    )
    rt.host.set_status(
        repository.github,
        change.head_sha,
        "platform/review",
        "success",
        f"{len(review.gates)} gates passed",
        f"{rt.settings.public_url}/issues?issue={issue_id}",
    )
    with store.write() as session:
        row = session.get_one(ChangeSet, change_id)
        row.pull_number, row.pull_url = pull.number, pull.url


QUIET = str.maketrans(
    {
        "`": "'",
        "<": "‹",
        ">": "›",
        "[": "(",
        "]": ")",
        "|": "¦",
        "*": "∗",
        "@": "@\u200b",
        "#": "#\u200b",
        "!": "!\u200b",
    }
)


def fenced(text: str, limit: int = 400) -> str:
    """A stranger's text for Markdown and commit messages: one line that is nothing but text.

    No markup, no mention that would notify somebody, no ``#12`` that would close an issue, no ``[skip ci]``,
    no address that becomes a link or a picture, no invisible or direction-changing characters.
    """
    plain = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(plain.split())[:limit].translate(QUIET).replace("://", ":\u200b//").replace("www.", "www\u200b.")


def body(rt: Runtime, issue: Issue, analysis: Analysis, change: ChangeSet, review: Review) -> str:
    proof = "\n".join(f"- [{'x' if change.proof.get(key) else ' '}] {says}" for key, says in PROOF)
    gates = "\n".join(f"- {gate['gate']}: {gate['says']}" for gate in review.gates)
    reasons = "\n".join(f"- {fenced(text)}" for text in change.proof.get("evidence", [])) or "- none was found"
    return f"""**What failed.** `{fenced(issue.title)}` in `{fenced(issue.service)}`, {issue.occurrences} times \
since {issue.first_seen:%Y-%m-%d %H:%M} UTC.

**Cause.** {fenced(analysis.root_cause, 1000)}

**Why this change.** {fenced(change.rationale, 1000)}
{reasons}

**Proof**
{proof}

**Review**
{gates}

**What was not checked.** Behaviour that no test and no recorded input reaches; other services that call this one.

**How to roll back.** The previous deployment stays ready: Deployments page, "Roll back", or revert this commit.

Issue {issue.id}: {rt.settings.public_url}/issues?issue={issue.id} · written by the {change.generator} repairer \
({change.template or "no template"}), confidence {change.confidence:.2f}
"""

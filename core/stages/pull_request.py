"""The pull request of a fix: what failed and how often, cause, why this change, proof, what was not checked.

Each issue has at most one open pull request: its branch contains the issue's number, and an existing one is found
first. If a change is rejected after it was published, its branch and its pull request are withdrawn.
"""

from __future__ import annotations

import unicodedata

from sqlmodel import col, select

from core.audit import effects
from core.db import store
from core.models import Analysis, ChangeSet, Issue, Review
from core.models.counted import counted
from core.policy.services import Repository
from core.runtime import Runtime
from core.stages import workspace
from core.stages.review.gate import CAPABILITIES, newly
from core.stages.security import upgraded
from core.vendors.base import VendorError
from core.vendors.command import CommandError

NOTES, ABILITIES = 10, 40  # most notes and most new capabilities that a pull request lists
PROOF = (
    ("fails_before", "the new test fails on the old code"),
    ("passes_after", "it passes with the fix"),
    ("fails_reverted", "it fails again with only the fix reverted"),
    ("older_tests_pass", "all older tests still pass"),
)


def branch_of(issue_id: int) -> str:
    return f"fix/issue-{issue_id}"


def withdraw(rt: Runtime, change: ChangeSet, why: str) -> str:
    """Close the pull request of a rejected change and delete its branch, if both are still at the platform's commit.

    Returns a description of what failed, empty if nothing did. A branch that somebody else moved stays unchanged.
    """
    if not change.branch:
        return ""
    try:
        _withdraw(rt, change, why)
    except (VendorError, CommandError) as error:
        return f"branch {change.branch} could not be deleted: {error}"
    with store.write() as session:
        session.get_one(ChangeSet, change.id).branch = ""
    return ""


def _withdraw(rt: Runtime, change: ChangeSet, why: str) -> None:
    with store.read() as session:
        issue = session.get_one(Issue, change.issue_id)
    name, repository = rt.repository_of(issue.service)
    found = workspace.known(rt, name, repository)
    if found.stands_at(change.branch) not in (change.head_sha, ""):
        return
    if rt.host and repository.github and change.pull_number:
        rt.host.close_pull(
            repository.github,
            change.pull_number,
            change.head_sha,
            f"withdrawn-{change.id}",
            f"Closed: this fix was rejected. {fenced(why, 1000)}",
        )
    found.delete(change.branch, change.head_sha)


def open_for(rt: Runtime, issue_id: int, change_id: int, repository: Repository) -> None:
    """Open or find the pull request, and set the review's verdict as a status of its commit."""
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
        f"{sum(bool(gate.get('done', True)) for gate in review.gates)} of {len(review.gates)} gates ran and passed",
        f"{rt.settings.public_url}/issues?issue={issue_id}",
    )
    with store.write() as session:
        row = session.get_one(ChangeSet, change_id)
        row.pull_number, row.pull_url = pull.number, pull.url
        seen = {"pull_request": pull.number, "url": pull.url, "sha": row.head_sha}
        effects.once(session, "pull_request", f"issue/{issue_id}", seen, f"platform-pull_request-{row.head_sha}")


QUIET = str.maketrans(
    {
        "&": "&\u200b",  # else "&commat;team" becomes a mention
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
    """Untrusted text for Markdown and commit messages: one line of plain text.

    No markup, no entity, no mention that would notify somebody, no ``#12`` that would close an issue, no ``[skip ci]``,
    no address that becomes a link or a picture, no invisible or direction-changing characters.
    """
    plain = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(plain.split())[:limit].translate(QUIET).replace("://", ":\u200b//").replace("www.", "www\u200b.")


def body(rt: Runtime, issue: Issue, analysis: Analysis, change: ChangeSet, review: Review) -> str:
    """The answers to a reviewer's questions, in order."""
    link = f"{rt.settings.public_url}/issues?issue={issue.id}"
    return "\n\n".join(
        [
            f"**What failed.** {_failed(issue)}",
            f"**Cause.** {fenced(analysis.root_cause, 1000)}{_culprit(analysis)}",
            f"**Why this change.** {fenced(change.rationale, 1000)}\n{_evidence(change)}",
            f"**New capabilities of this patch**\n{_newly(review)}",
            f"**Proof**\n{_proof(change)}",
            f"**Review**\n{_gates(review)}{_notes(review)}",
            f"**What was not checked**\n{_unchecked(rt, change, review)}",
            f"**How to roll back.** {_way_back(rt, issue, change)}",
            f"[Issue {issue.id}]({link}) · {_author(change)}",
        ]
    )


def _failed(issue: Issue) -> str:
    times = "once" if issue.occurrences == 1 else f"{issue.occurrences} times"
    people = f", for {counted(issue.users, 'user')}" if issue.users else ""
    span = f"{issue.first_seen:%Y-%m-%d %H:%M} to {issue.last_seen:%Y-%m-%d %H:%M} UTC"
    release = f", release {fenced(issue.release, 60)}" if issue.release else ""
    where = f"{fenced(issue.where, 200)} ({fenced(issue.environment, 40)}{release})"
    return f"{fenced(issue.title, 200)} in {where}, {times}{people}, {span}."


def _culprit(analysis: Analysis) -> str:
    return f" It comes from {fenced(analysis.culprit, 200)}." if analysis.culprit else ""


def _evidence(change: ChangeSet) -> str:
    """The evidence that the new behaviour is intended; without it, a reviewer must decide."""
    found = [f"- {fenced(text)}" for text in change.proof.get("evidence", [])]
    nothing = "- Nothing in the code confirms that this is the intended behaviour. Please check it."
    return "\n".join(found or [nothing])


def _proof(change: ChangeSet) -> str:
    """The four conditions of the proof, then the result of each test run."""
    conditions = upgraded.PROOF.items() if change.template == upgraded.TEMPLATE else PROOF
    marks = [f"- [{'x' if change.proof.get(key) else ' '}] {text}" for key, text in conditions]
    runs = [f"  - {fenced(text)}" for text in change.proof.get("says", [])]
    test = [f"- The new test: {fenced(change.test_path, 200)}"] if change.test_path else []
    return "\n".join([*marks, *runs, *test])


def _gates(review: Review) -> str:
    rows = [f"| {fenced(g['gate'], 40)} | {_sign(g)} | {fenced(g['says'])} |" for g in review.gates]
    return "\n".join(["| Gate | Result | Details |", "|---|---|---|", *rows])


def _sign(gate: dict) -> str:
    if not gate.get("done", True):
        return "**needs a person**" if gate["gate"] == CAPABILITIES else "**not done**"
    return "passed" if gate["passed"] else "**failed**"


def _newly(review: Review) -> str:
    """New calls, imports, conditions and constants; those that reach outside the program come first. Markdown."""
    gate, rows = newly(review.gates, review.findings)
    if gate is None:
        return "- Not analyzed."
    lines = [
        f"- {'**needs a person**: ' if needs_person else ''}{fenced(r['says'])} ({fenced(r['path'], 100)}:{r['line']})"
        for needs_person, r in rows[:ABILITIES]
    ]
    more = [f"- and {len(rows) - ABILITIES} more in the console"] if len(rows) > ABILITIES else []
    return "\n".join([*lines, *more] or [f"- {gate['says']}"])


def _notes(review: Review) -> str:
    """Findings of the review that this change did not cause."""
    notes = [f for f in review.findings if f.get("severity") == "note" and f.get("gate") != CAPABILITIES]
    rows = [f"- {fenced(f['path'], 100)}: {fenced(f['says'])}" for f in notes[:NOTES]]
    more = [f"- and {len(notes) - NOTES} more in the console"] if len(notes) > NOTES else []
    return "\n".join(["\n\nNotes on problems that this change did not cause:", *rows, *more]) if notes else ""


def _unchecked(rt: Runtime, change: ChangeSet, review: Review) -> str:
    """What was not checked for this change."""
    gates = {gate["gate"]: gate for gate in review.gates}
    found = ["Behaviour that no test and no recorded input covers, and other services that call this one."]
    if gates.get("performance", {}).get("value") is None:
        found.append("Performance: no recorded input could be timed.")
    scan = gates.get("vulnerabilities", {"done": False, "says": "not scanned"})
    if not scan.get("done", True):
        found.append(f"Known vulnerabilities of its dependencies: {fenced(scan['says'])}.")
    if weaker := getattr(rt.runner, "weaker_because", ""):
        found.append(f"The tests ran in the weaker sandbox: {weaker}.")
    if not change.proof.get("complete"):
        found.append("The proof is incomplete, so this change is only a proposal.")
    return "\n".join(f"- {text}" for text in found)


BY_MERGE = (
    "Merging this pull request approves the fix; the platform never merges it by itself. It watches the release that "
    "carries it, and opens a pull request that reverts it if the release does harm. Closing it without a merge rejects "
    "the fix, and your last comment is the reason."
)
BY_PLATFORM = (
    'Use "Roll back" on the Deployments page to restore the previous deployment. The platform rolls back automatically '
    "if the watch fails."
)


def _way_back(rt: Runtime, issue: Issue, change: ChangeSet) -> str:
    known = rt.policy.services.get(issue.service)
    by_merge = known and rt.policy.repositories[known.repository].way == "pull_request"
    way = BY_MERGE if by_merge else BY_PLATFORM
    commit = f" In git: `git revert {change.head_sha[:12]}`." if change.head_sha else ""
    what = "a dependency" if change.template == upgraded.TEMPLATE else "code"
    return f"{way}{commit} The change touches {what} only, no data and no settings."


def _author(change: ChangeSet) -> str:
    cost = f", {counted(change.tokens, 'token')}" if change.tokens else ""
    by = f"{fenced(change.generator, 40)} repairer ({fenced(change.template, 60) or 'no template'}{cost})"
    measured = fenced(str(change.proof.get("precision") or f"confidence {change.confidence:.2f}"), 120)
    return f"written by the {by}, {measured}"

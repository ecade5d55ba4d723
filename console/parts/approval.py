"""One approval, part by part, as safe HTML: what, why, risk, new capabilities, diff, proof, rollback plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.parts import change
from console.parts import patch as patches
from console.ui.diff import rows, size
from console.ui.markup import Safe, join, link, percent, span, tag, when
from console.ui.widgets import RESULT, SEVERITY, card, checks, empty, facts, growth, impact, issue_link, of, table
from core.models import Approval, Issue
from core.models.counted import counted
from core.models.reason import next_step
from core.policy.sections import Watch
from core.queries.approvals import OpenApproval

NONE = "Not run for this patch."


def head(asked: OpenApproval) -> Safe:
    row = asked.approval
    return tag(
        "header",
        tag(
            "div",
            of(RESULT, row.state),
            of(SEVERITY, asked.issue.severity, "severity unknown"),
            tag("span", impact(asked.issue.impact), class_="d-badge d-calm"),
            tag("span", asked.issue.where, " (critical)" if asked.critical else "", class_="d-badge d-calm"),
            class_="d-line-up",
        ),
        tag("h2", f"Approval {row.id}: ", asked.change.change_set.title or "a change"),
        tag("p", row.asks),
        tag("p", *stands(row), class_="d-muted"),
        class_="d-head",
    )


def stands(row: Approval) -> Iterator[object]:
    """Who can answer it and until when, or how it was answered."""
    yield from ("Requested ", when(row.asked_at))
    yield from (" by the platform" if row.requested_by is None else f" by {row.requested_by}",)
    if row.state == "pending":
        yield from (". Expires ", when(row.expires_at), ". Without an answer, nothing is released. ")
        yield f"Assigned to {row.assignee}." if row.assignee else "Any approver can answer it."
    else:
        yield f". {row.state.capitalize()} " + (f"by {row.by} " if row.by else "")
        yield when(row.answered_at)
        yield f": {row.reason}" if row.reason else "."


def why(asked: OpenApproval) -> Safe:
    found = asked.analysis
    return card(
        "Why",
        tag("p", issue_link(asked.issue)),
        tag("p", found.root_cause, class_="d-cause") if found else tag("p", "No analysis is stored."),
        tag("p", asked.change.change_set.rationale),
    )


def risks(asked: OpenApproval) -> list[tuple[object, str]]:
    """Risk factors (shown as holds), then neutral and favourable facts."""
    decision, made = asked.decision, asked.change.change_set
    fired = [g for g in (decision.receipt.get("guards") or [] if decision else []) if g.get("effect")]
    lines, files = sum(size(made.patch)), sum(row.kind == "file" for row in rows(made.patch))
    standing = (not asked.critical, "Critical service" if asked.critical else "Not a critical service")
    return [
        *((False, str(guard.get("says", ""))) for guard in fired),
        *((False, str(gate.get("says", ""))) for gate in unseen(asked)),
        *(() if any("critical service" in str(guard.get("says", "")) for guard in fired) else [standing]),
        (None, f"{counted(lines, 'changed line')} in {counted(files, 'file')}"),
        (None, f"Confidence: decision {percent(decision.confidence) if decision else '–'}, "
               f"patch {change.precision(made)}"),
        (None, f"{counted(asked.issue.occurrences, 'occurrence')}, "
               f"{counted(asked.issue.users, 'affected user')} so far"),
    ]  # fmt: skip


def unseen(asked: OpenApproval) -> list[dict]:
    """Review gates that could not run; the approver decides in their place."""
    gates = asked.change.reviews[-1].gates if asked.change.reviews else []
    return [gate for gate in gates if not gate.get("passed") and not gate.get("done", True)]


def risk(asked: OpenApproval) -> Safe:
    return card("Risk", checks(risks(asked)))


def proof(asked: OpenApproval) -> Safe:
    found = asked.change
    return tag(
        "div",
        card("Proof of fix", change.proof(found.change_set)),
        card("Review", change.review(found.reviews[-1]) if found.reviews else NONE),
        card("Service tests", change.tests(found.tests[-1]) if found.tests else NONE),
        class_="d-two",
    )


def way_back(asked: OpenApproval, rules: Watch) -> Safe:
    live = asked.live
    to = tag("code", f"{live.vendor_id} ({live.sha[:10]})") if live else "whatever production serves at release time"
    by_itself = (
        "A rollback points production at the previous deployment; nothing is rebuilt. It is automatic if the error "
        f"persists, the release causes a new error, the error rate rises by more than "
        f"{percent(rules.error_rate_margin, 1)}, p95 growth exceeds {growth(rules)}, or a success check fails. If "
        "the result is unclear, a person decides. Afterwards, use Roll back on the deployment's page."
    )
    rows = [("Returns to", to), ("Watched for", span(rules.seconds)), ("Rehearsed", rehearsed(asked))]
    return card("Rollback plan", tag("p", by_itself), facts(rows))


def rehearsed(asked: OpenApproval) -> object:
    """How long the last rollback took, or that none was measured."""
    known = asked.rehearsal
    if known is None:
        return "Not rehearsed yet"
    what = {
        "rollback": "The last rollback took",
        "rehearsal": "No rollback yet; the last rehearsal took",
        "promotion": "No rollback yet; the last promotion took",
    }
    at = known.deployment.ended_at if known.kind == "rollback" else known.deployment.ready_at
    where = link(f"/deployments?deployment={known.deployment.id}", f"deployment {known.deployment.id}")
    return Safe(tag("span", f"{what[known.kind]} {known.seconds:.1f} s (", where, ", ", when(at), ")"))


def drawn(asked: OpenApproval, rules: Watch) -> Safe:
    patch = asked.change.change_set.patch
    return tag(
        "div",
        tag("div", why(asked), risk(asked), class_="d-two"),
        change.newly_can(asked.change.reviews),
        patches.drawn(patch, asked.change.comments) if patch else empty("No patch", "Nothing was proposed."),
        proof(asked),
        way_back(asked, rules),
        tag("p", "Bound to patch ", tag("code", asked.approval.patch_hash[:16]),
            ". The approval is void if the patch changes.", class_="d-muted"),
    )  # fmt: skip


def listing(asked: Sequence[tuple[Approval, Issue]], given_up: Sequence[Issue], chosen: tuple[str, int] | None) -> Safe:
    """The inbox: approvals, then escalated issues; a sign and words mark the one shown below."""
    rows = [*(_asked(a, issue, chosen) for a, issue in asked), *(_given_up(issue, chosen) for issue in given_up)]
    return table(("Open", "Issue", "Service", "Severity", "Needs", "When"), rows)


def _asked(row: Approval, issue: Issue, chosen: tuple[str, int] | None) -> tuple[object, ...]:
    needs, expires = f"an answer by {row.assignee or 'any approver'}", join(["expires ", when(row.expires_at)])
    return _opens("approval", row.id, chosen), *_of_issue(issue), needs, expires


def _given_up(issue: Issue, chosen: tuple[str, int] | None) -> tuple[object, ...]:
    needs, last = (
        tag("span", next_step(issue.reason) or "a person", class_="d-clip"),
        join(["last error ", when(issue.last_seen)]),
    )
    return _opens("issue", issue.id, chosen), *_of_issue(issue), needs, last


def _of_issue(issue: Issue) -> tuple[object, ...]:
    return issue_link(issue), issue.where, of(SEVERITY, issue.severity)


def _opens(kind: str, number: int, chosen: tuple[str, int] | None) -> Safe:
    """A link that shows the item below the inbox."""
    here = (kind, number) == chosen
    sign, words = ("▸ ", " shown below") if here else ("", "")
    name = f"{sign}{'approval' if kind == 'approval' else 'escalated'} {number}"
    return link(f"/approvals?{kind}={number}", tag("b", name), words)


def closed(rows: list[tuple[Approval, Issue]]) -> Safe:
    return table(
        ("Approval", "Issue", "Answer", "By", "Reason", "When"),
        (
            (
                link(f"/approvals?approval={a.id}", tag("b", a.id)),
                issue_link(issue),
                of(RESULT, a.state),
                a.by or "–",
                tag("span", a.reason, class_="d-clip"),
                when(a.answered_at or a.expires_at),
            )
            for a, issue in rows
        ),
    )

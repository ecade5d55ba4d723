"""One issue, part by part: each function takes a Story and returns safe HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from console.parts import change, frames, opinions, smoke, suppressed
from console.parts import decision as receipt
from console.ui.markup import Safe, esc, join, moment, percent, span, tag, when
from console.ui.widgets import RESULT, SEVERITY, STATUS, card, code, empty, facts, impact, of, table
from core.models import Analysis, Crash, Deployment, Issue, Kind, ServiceHealth, Signal, Stage, Status, now
from core.models.counted import counted
from core.queries import counting
from core.queries.code_links import CodeLinks
from core.queries.issues import Story

SILENT = timedelta(minutes=5)  # without errors, from which it is said


def head(story: Story) -> Safe:
    issue = story.issue
    return tag(
        "header",
        tag(
            "div",
            of(STATUS, issue.status),
            of(SEVERITY, issue.severity, "severity unknown"),
            tag("span", impact(issue.impact), class_="d-badge d-calm"),
            tag("span", issue.where or "no service", class_="d-badge d-calm"),
            tag("span", "security finding", class_="d-badge d-calm") if issue.kind is Kind.SECURITY else "",
            class_="d-line-up",
        ),
        tag("h2", f"#{issue.id} ", issue.title),
        tag("p", issue.reason) if issue.reason else "",
        silent(issue),
        suppressed.of_issue(story),
        class_="d-head",
    )


def silent(issue: Issue) -> Safe | str:
    """That the errors of an open issue have stopped, as soon as they have."""
    quiet = now() - issue.last_seen
    if issue.status in (Status.RESOLVED, Status.DISMISSED) or quiet < SILENT:
        return ""
    return tag("p", f"No errors for {span(quiet.total_seconds())}.", class_="d-muted")


def _signal(signal: Signal) -> tuple:
    seen = (
        tag("a", "open", href=signal.url, target="_blank", rel="noopener noreferrer nofollow")
        if signal.url.startswith(("https://", "http://"))
        else ""
    )
    return (
        when(signal.at),
        signal.source,
        signal.kind.value,
        tag("span", signal.title, class_="d-clip"),
        f"{signal.count:,}",
        seen,
    )


def evidence(story: Story, links: CodeLinks | None = None) -> Safe:
    if not story.signals:
        return empty("No signals are stored for this issue", "They may have passed their retention period.")
    crash = next((s.crash for s in story.signals if s.crash), None)
    return join(
        [
            tag("p", "Grouping: ", story.issue.because) if story.issue.because else "",
            frames.drawn(Crash.model_validate(crash), links)
            if crash
            else code(story.signals[0].message or "no message"),
            tag("h3", f"Latest {len(story.signals)} of {counting.with_noun(story.signal_count, 'signal')}"),
            table(("Seen", "Source", "Kind", "Title", "Count", "Vendor"), map(_signal, story.signals), (4,)),
        ]
    )


def _analysis(found: Analysis) -> Safe:
    return join(
        [
            tag("p", found.root_cause, class_="d-cause"),
            facts(
                [
                    ("Cause", found.cause.value),
                    ("Culprit", tag("code", found.culprit or "unknown")),
                    ("Severity", of(SEVERITY, found.severity)),
                    ("Impact", found.impact.value),
                    ("Confidence", percent(found.confidence)),
                    ("Simplicity", percent(found.simplicity)),
                    ("Pattern", tag("code", found.pattern or "none")),
                    ("Analyst", found.analyst),
                ]
            ),
            tag("p", tag("b", "Next step: "), found.next_step) if found.next_step else "",
            table(
                ("Evidence", "Weight"),
                (
                    (e.get("says", ""), f"{e.get('weight', 0):.2f}")
                    for e in found.evidence
                    if isinstance(e, Mapping) and "opinion" not in e
                ),
                (1,),
            )
            if found.evidence
            else "",
            opinions.drawn(found.evidence, found.cause.value),
        ]
    )


def analysis(story: Story) -> Safe:
    if not story.analyses:
        return empty("Not analyzed yet", "The analysis starts when the collection cycle has stored the signals.", "◔")
    return _analysis(story.analyses[-1])


def decision(story: Story) -> Safe:
    if not story.decisions:
        return empty("No decision yet", "The decision follows the analysis within seconds.", "◔")
    return receipt.drawn(story.decisions[-1])


def fix(story: Story) -> Safe:
    if not story.changes:
        return empty(
            "No change was written",
            "The platform writes a fix only if the cause is in the code and the decision is to fix it.",
        )
    *earlier, last = story.changes
    return join(
        [
            change.drawn(last),
            *(
                tag(
                    "details",
                    tag(
                        "summary",
                        f"Attempt {c.change_set.attempt} of run {c.change_set.run}: "
                        f"{c.change_set.note or c.change_set.status}",
                    ),
                    change.drawn(c),
                )
                for c in reversed(earlier)
            ),
        ]
    )


def _side(values: Mapping, service: str) -> ServiceHealth | None:
    found = values.get(service)
    health = ServiceHealth.model_validate(found) if isinstance(found, Mapping) else None
    return health if health and (health.samples or health.requests) else None


def _cells(found: ServiceHealth | None) -> tuple[str, str, str]:
    if found is None:
        return "–", "no data", "–"
    p95 = "–" if found.p95_ms is None else f"{found.p95_ms:.0f} ms"
    return f"{found.requests:,.0f}", percent(found.error_rate, 1), p95


def band(before: float | None, after: float | None, margin: float) -> Safe:
    """Error rates as bars on one scale; the shaded band is what the watch allows after the deployment."""
    if before is None or after is None:
        return tag("span", "no data", class_="d-muted")
    limit = before + margin
    top = max(limit, after) or 1.0
    held = after <= limit
    return tag(
        "div",
        tag("span", tag("b", style=f"width:{before / top:.1%}"), class_="d-was", title="before"),
        tag(
            "span",
            tag("b", style=f"width:{after / top:.1%}"),
            tag("u", style=f"width:{limit / top:.1%}"),
            class_="d-is d-ok" if held else "d-is d-bad",
            title="after, and the allowed band",
        ),
        class_="d-band",
        role="img",
        aria_label=f"before {percent(before, 1)}, after {percent(after, 1)}, allowed {percent(limit, 1)}",
    )


def health(before: Mapping, after: Mapping, margin: float = 0.01) -> Safe:
    """By service: requests, error rate and latency before and after; ``margin`` is the allowed rise."""
    rows = []
    for service in sorted({*before, *after}):
        was, is_ = _side(before, service), _side(after, service)
        figures = [x for pair in zip(_cells(was), _cells(is_), strict=True) for x in pair]
        rows.append((service, *figures, band(was and was.error_rate, is_ and is_.error_rate, margin)))
    if not rows:
        return esc("No measurements yet.")
    heads = (
        "Service",
        "Requests before",
        "Requests after",
        "Errors before",
        "Errors after",
        "p95 before",
        "p95 after",
        "Error rate",
    )
    return table(heads, rows, range(1, 7))


def health_short(before: Mapping, after: Mapping, margin: float = 0.01) -> Safe:
    """By service: the error rate before and after, and the band that the watch allows."""
    rows = []
    for service in sorted({*before, *after}):
        was, is_ = (side and side.error_rate for side in (_side(before, service), _side(after, service)))
        rows.append((service, percent(was, 1), percent(is_, 1), band(was, is_, margin)))
    return table(("Service", "Errors before", "Errors after", "Error rate"), rows, (1, 2)) if rows else esc("")


BEFORE_PRODUCTION = {  # the preview is deployed, production is not
    Status.AWAITING_APPROVAL: ("person", "◆", "approval"),
    Status.QUEUED: ("wait", "◷", "queued"),
}
STAGE_SIGNS = {"ok": ("ok", "✓"), "failed": ("bad", "✕"), "refused": ("bad", "✕"), "waiting": ("wait", "◷"),
               "running": ("work", "◑")}  # fmt: skip


def journey(story: Story) -> Safe:
    """The nine stages of the current run, each with its result and duration."""
    latest = {s.stage: s for s in story.stages if s.run == story.issue.run}

    def step(stage: Stage) -> Safe:
        if stage is Stage.COLLECT:
            return _collected(story)
        run = latest.get(stage)
        tone, sign = STAGE_SIGNS.get(run.result, ("calm", "·")) if run else ("calm", "○")
        took = span((run.ended_at - run.started_at).total_seconds()) if run and run.ended_at else run and "now" or ""
        if stage is Stage.DEPLOY and (waits := BEFORE_PRODUCTION.get(story.issue.status)):
            tone, sign, took = waits
        again = f" ×{run.attempt}" if run and run.attempt > 1 else ""
        return tag(
            "li",
            tag("i", sign, aria_hidden="true"),
            tag("b", stage.value + again),
            tag("small", took),
            class_=f"d-{tone}" if run else "d-calm d-later",
            title=run.says if run else "not reached",
        )

    return tag("ol", *map(step, Stage), class_="d-journey")


def _collected(story: Story) -> Safe:
    """The collect stage; it is complete before the issue exists."""
    issue = story.issue
    label = f"{counted(issue.occurrences, 'occurrence')} since {moment(issue.first_seen)}"
    parts = (tag("i", "✓", aria_hidden="true"), tag("b", Stage.COLLECT.value), tag("small"))
    return tag("li", *parts, class_="d-ok", title=label)


def deployment_row(deployment: Deployment) -> Safe:
    shown = deployment.url if deployment.url.startswith(("https://", "http://")) else ""
    return tag(
        "div",
        of(RESULT, deployment.status),
        tag("b", deployment.environment),
        tag("code", deployment.sha[:10]),
        tag("span", "automatic" if deployment.automatic else "approved"),
        tag("span", moment(deployment.started_at), " ", when(deployment.started_at)),
        tag("a", "open", href=shown, target="_blank", rel="noopener noreferrer") if shown else "",
        class_="d-line-up",
    )


def deployment(story: Story) -> Safe:
    if not story.deployments:
        return empty("Not deployed", "A preview is deployed after the tests, and production after the preview.")
    return join(
        card(
            "",
            deployment_row(d),
            tag("p", d.note) if d.note else "",
            health(d.before, d.after) if d.environment == "production" else smoke.found(d.judged),
        )
        for d in reversed(story.deployments)
    )


def outcome(story: Story) -> Safe:
    if not story.outcomes:
        return empty(
            "No outcome yet",
            "The outcome is recorded when the issue ends. It adjusts the confidence of later decisions.",
            "◔",
        )
    return table(
        ("Run", "Result", "By", "Detected after", "First error to end", "Note"),
        (
            (o.run, of(RESULT, o.result), o.by, span(o.detect_seconds), span(o.total_seconds), o.note)
            for o in story.outcomes
        ),
        (0, 3, 4),
    )


PARTS: Mapping[str, Callable[[Story], Safe]] = {
    "Evidence": evidence,
    "Analysis": analysis,
    "Decision": decision,
    "Fix": fix,
    "Deployment": deployment,
    "Outcome": outcome,
}

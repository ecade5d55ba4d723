"""One issue's story, part by part: each takes a Story and gives safe HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console import change, receipt
from console.markup import Safe, clock, esc, join, moment, percent, span, tag, when
from console.widgets import RESULT, SEVERITY, STATUS, card, code, empty, facts, impact, of, stat, stats, table
from core.models import Analysis, Crash, Deployment, Frame, ServiceHealth, Signal
from core.views.issues import Story


def head(story: Story) -> Safe:
    issue = story.issue
    return tag(
        "header",
        tag(
            "div",
            of(STATUS, issue.status),
            of(SEVERITY, issue.severity, "severity not known"),
            tag("span", impact(issue.impact), class_="d-badge d-calm"),
            tag("span", issue.service or "no service", class_="d-badge d-calm"),
            class_="d-line-up",
        ),
        tag("h2", f"#{issue.id} ", issue.title),
        tag("p", issue.reason) if issue.reason else "",
        class_="d-head",
    )


def figures(story: Story) -> Safe:
    issue = story.issue
    return stats(
        stat(f"{issue.occurrences:,}", "occurrences", f"{story.signal_count:,} signals from the vendors"),
        stat(f"{issue.users:,}", "users affected"),
        stat(when(issue.first_seen), "first error", moment(issue.first_seen)),
        stat(when(issue.last_seen), "last error", moment(issue.last_seen)),
        stat(
            span((issue.ended_at - issue.first_seen).total_seconds()) if issue.ended_at else "in work",
            "first error to end",
            f"run {issue.run}",
        ),
    )


def _frame(frame: Frame) -> Safe:
    kept = frame.locals or {}
    values = facts((name, tag("code", text)) for name, text in list(kept.items())[:12])
    return tag(
        "li",
        tag("div", tag("b", frame.function), tag("span", f"{frame.file}:{frame.line}", class_="d-muted")),
        code(frame.code) if frame.code else "",
        tag("details", tag("summary", f"{len(kept)} locals"), values) if kept else "",
        class_=None if frame.in_app else "d-library",
    )


def frames(crash: Crash) -> Safe:
    """The exception and its calls, the innermost first; library calls are dimmed."""
    raised = tag("p", tag("b", crash.exception.type), ": ", crash.exception.message, class_="d-raised")
    return join([raised, tag("ol", *map(_frame, crash.frames[::-1]), class_="d-frames")])


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


def evidence(story: Story) -> Safe:
    if not story.signals:
        return empty("No signals are kept for this issue", "They may have aged out of the store.")
    crash = next((s.crash for s in story.signals if s.crash), None)
    return join(
        [
            tag("p", "One issue because: ", story.issue.because) if story.issue.because else "",
            frames(Crash.model_validate(crash)) if crash else code(story.signals[0].message or "no message"),
            tag("h4", f"Latest {len(story.signals)} of {story.signal_count:,} signals"),
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
                    ("Culprit", tag("code", found.culprit or "not known")),
                    ("Severity", of(SEVERITY, found.severity)),
                    ("Impact", found.impact.value),
                    ("Confidence", percent(found.confidence)),
                    ("Simplicity", percent(found.simplicity)),
                    ("Pattern", tag("code", found.pattern or "none")),
                    ("Analyst", found.analyst),
                ]
            ),
            tag("p", tag("b", "Next step for a person: "), found.next_step) if found.next_step else "",
            table(
                ("Evidence", "Weight"),
                (
                    (e.get("says", ""), f"{e.get('weight', 0):.2f}")
                    for e in found.evidence
                    if isinstance(e, Mapping)
                ),
                (1,),
            )
            if found.evidence
            else "",
        ]
    )


def analysis(story: Story) -> Safe:
    if not story.analyses:
        return empty(
            "Not analyzed yet", "The analysis starts as soon as the round has stored the signals.", "◔"
        )
    return _analysis(story.analyses[-1])


def decision(story: Story) -> Safe:
    if not story.decisions:
        return empty("No decision yet", "It follows the analysis within seconds.", "◔")
    return receipt.drawn(story.decisions[-1])


def fix(story: Story) -> Safe:
    if not story.changes:
        return empty(
            "No change was written", "Only a cause in the code, decided to be fixed, is given to a fixer."
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


def health(before: Mapping, after: Mapping) -> Safe:
    """By service: requests, error rate and latency, before and after a deployment."""

    def side(of_: Mapping, service: str) -> ServiceHealth | None:
        return ServiceHealth.model_validate(of_[service]) if isinstance(of_.get(service), Mapping) else None

    def cells(found: ServiceHealth | None) -> tuple[str, str, str]:
        if found is None or not found.samples and not found.requests:
            return "–", "no data", "–"
        p95 = "–" if found.p95_ms is None else f"{found.p95_ms:.0f} ms"
        return f"{found.requests:,.0f}", percent(found.error_rate, 1), p95

    rows = []
    for service in sorted({*before, *after}):
        was, is_ = cells(side(before, service)), cells(side(after, service))
        rows.append((service, *(x for pair in zip(was, is_, strict=True) for x in pair)))
    if not rows:
        return esc("No measurements yet.")
    return table(
        ("Service", "Requests before", "after", "Errors before", "after", "p95 before", "after"),
        rows,
        range(1, 7),
    )


def deployment_row(deployment: Deployment) -> Safe:
    shown = deployment.url if deployment.url.startswith(("https://", "http://")) else ""
    return tag(
        "div",
        of(RESULT, deployment.status),
        tag("b", deployment.environment),
        tag("code", deployment.sha[:10]),
        tag("span", "automatic" if deployment.automatic else "approved"),
        tag("span", clock(deployment.started_at), " ", when(deployment.started_at)),
        tag("a", "open", href=shown, target="_blank", rel="noopener noreferrer") if shown else "",
        class_="d-line-up",
    )


def deployment(story: Story) -> Safe:
    if not story.deployments:
        return empty("Nothing was deployed", "A preview follows the tests; production follows the preview.")
    return join(
        card(
            "",
            deployment_row(d),
            tag("p", d.note) if d.note else "",
            health(d.before, d.after) if d.environment == "production" else "",
        )
        for d in reversed(story.deployments)
    )


def outcome(story: Story) -> Safe:
    if not story.outcomes:
        return empty(
            "No outcome yet", "It is written when the issue ends, and moves the next confidence.", "◔"
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

"""The policy in force, in words: the matrix with the decisions of each row, weights, guards, services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from console.ui.markup import Safe, join, link, moment, percent, span, tag
from console.ui.widgets import VERDICT, badge, bar, card, facts, growth, of, table
from core.decision import rules as decision
from core.decision import windows
from core.models.counted import counted
from core.policy import advice
from core.policy.keys import PolicyKey
from core.policy.reader import Policy
from core.policy.sections import FixRules
from core.queries import documentation
from core.stages.autonomy import Autonomy

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def matrix(policy: Policy, made: Mapping[int, int]) -> Safe:
    """``made`` counts decisions by row."""
    every = sum(made.values())
    rows = (
        (
            row.number,
            row.message,
            of(VERDICT, row.verdict),
            bar(made.get(row.number, 0) / every if every else None, f"{made.get(row.number, 0):,}"),
        )
        for row in decision.rows(policy)
    )
    return card(
        "Decision matrix (the first match wins)",
        table(("Row", "When", "Verdict", "Decisions, last 7 days"), rows, (0,)),
    )


def weights(policy: Policy) -> Safe:
    w = policy.weights
    shares = {"Analysis": w.analysis, "History": w.history, "Simplicity": w.simplicity, "Low impact": w.low_impact}
    parts = (tag("b", style=f"width:{share:.1%}", class_=f"d-term{i}") for i, share in enumerate(shares.values()))
    return card(
        "Confidence",
        tag("div", *parts, class_="d-ruler", role="img", aria_label="weights of the four terms"),
        facts(
            (tag("span", tag("i", class_=f"d-dot d-term{i}", aria_hidden="true"), name), f"× {share:g}")
            for i, (name, share) in enumerate(shares.items())
        ),
        tag(
            "p",
            f"A new pattern starts at {policy.history.prior:g}, which counts as {policy.history.weight:g} "
            f"{'case' if policy.history.weight == 1 else 'cases'}.",
            class_="d-muted",
        ),
    )


def guards(policy: Policy) -> Safe:
    g = policy.guards
    hours = g.business_hours
    days = ", ".join(DAYS[d] for d in hours.days)
    return card(
        "Guards (they only make a decision safer)",
        facts(
            [
                ("Critical services", ", ".join(g.critical_services) or "none"),
                ("Confidence for critical services", f"at least {g.critical_confidence:g}"),
                ("Automatic deployments", f"at most {g.deployments_per_hour} an hour"),
                ("Minimum evidence", counted(g.minimum_occurrences, "occurrence")),
                ("Approval required", f"after {counted(g.stop_after_rollbacks, 'rollback')} in a row"),
                ("Repository brake", brake(g.brake_after_failures)),
                ("Freezes", "; ".join(map(windows.describe, g.freezes)) or "none"),
                ("Corroboration of reports", corroboration(policy)),
                ("Approval of every fix", "yes" if g.approval_always else "no"),
                ("Business hours", f"{days} {hours.start}–{hours.end} {hours.zone}" if hours.days else "always"),
            ]
        ),
    )


def brake(failures: int) -> str:
    return f"after {counted(failures, 'failed release')} in a row" if failures else "never"


def corroboration(policy: Policy) -> str:
    """The services whose own metrics or logs must corroborate a report; without that, a person approves."""
    rules = policy.corroboration
    other = [name for name in sorted(policy.services) if policy.asks_corroboration(name) is not rules.required]
    but = f", {'not ' if rules.required else 'but '}for {', '.join(other)}" if other else ""
    return f"{'required' if rules.required else 'not required'}{but}"


def services(policy: Policy) -> Safe:
    if not policy.services:
        return card("Services", tag("p", "platform.toml names no services, so every issue is escalated."))
    rows = (
        (
            tag("b", name),
            service.repository,
            "critical" if policy.is_critical(name) else "",
            service.impact.value,
            ", ".join(service.paths) or "all source files",
            ", ".join(service.upstreams) or "none",
        )
        for name, service in sorted(policy.services.items())
    )
    return card(
        "Services", table(("Service", "Repository", "Critical", "Impact", "A fix may touch", "Upstreams"), rows)
    )


def delivery(policy: Policy) -> Safe:
    watch, fix, rules = policy.watch, policy.fix, policy.maintenance
    opens = windows.maintenance_opens(datetime.now(UTC), rules) if rules.days else None
    return card(
        "Fix, deployment, maintenance",
        facts(
            [
                ("Fix size and attempts", _fix_limits(fix)),
                ("Coverage of changed lines", _coverage(fix)),
                ("Watch duration", f"up to {span(watch.seconds)}, measured by {watch.source}"),
                ("Allowed error rate rise", percent(watch.error_rate_margin, 1)),
                ("Allowed p95 growth", growth(watch)),
                ("Approvals expire after", span(policy.approval.expires_minutes * 60)),
                ("Maintenance", f"{', '.join(DAYS[d] for d in rules.days) or 'never'} {rules.start} {rules.zone}"),
                ("Next window", moment(opens)),
            ]
        ),
    )


def autonomy(policy: Policy, rows: Sequence[Autonomy]) -> Safe:
    """Which classes of fixes are released without a person, by service, and the figures behind it."""
    rules = policy.fix.autonomy
    need = (
        "A class of fixes is its fixer and the evidence that the fix is meant. It is released without a person once "
        f"its precision is at least {rules.precision:.0%} (lower bound of the 95 % interval) on {rules.cases} unseen "
        "cases or on the service's own outcomes. Own outcomes that show less end it. A person can grant or withhold it."
    )
    heads = ("Services", "Fixer and evidence", "Released without a person", "Unseen cases", "Own outcomes", "Why")
    alike: dict[tuple, list[str]] = {}
    for row in rows:
        alike.setdefault((policy.is_critical(row.service), replace(row, service="")), []).append(row.service)
    found = [
        (
            tag("b", ", ".join(names)),
            row.name,
            released(row.may, critical),
            row.unseen.describe("case"),
            row.own.describe("outcome"),
            row.message,
        )
        for (critical, row), names in alike.items()
    ]
    none = "No class is released without a person yet: a person approves every fix."
    return card("Autonomy", tag("p", need, class_="d-muted"), table(heads, found) if found else tag("p", none))


def released(may: bool, critical: bool) -> Safe:
    """Whether fixes of a class are released without a person; those of a critical service never are."""
    if may and critical:
        return badge("person", "◆", "no: critical service")
    return badge("ok", "✓", "yes") if may else badge("", "–", "no")


def drawn(policy: Policy, made: Mapping[int, int], rows: Sequence[Autonomy]) -> Safe:
    return join(
        [
            matrix(policy, made),
            autonomy(policy, rows),
            tag("div", weights(policy), guards(policy), class_="d-two"),
            services(policy),
            delivery(policy),
        ]
    )


def _coverage(fix: FixRules) -> str:
    return f"at least {percent(fix.coverage)}{'' if fix.strict_coverage else ', or as much as the file has'}"


def _fix_limits(fix: FixRules) -> str:
    lines, files = counted(fix.max_lines, "line"), counted(fix.max_files, "file")
    return f"at most {lines} in {files}, {counted(fix.attempts, 'attempt')}"


def setting(key: PolicyKey, label: str) -> Safe:
    """One key: what it is for, its value in force and its default."""
    return card(
        label or key.name,
        facts(
            [
                ("Key in platform.toml", tag("code", key.name)),
                ("In force", tag("b", shown(key.value))),
                ("Default", "none" if key.default is None else shown(key.default)),
                *([("Meaning", key.description)] if key.description else []),
                ("Documentation", link(documentation.address("configuration"), "Configuration")),
            ]
        ),
        heading="h2",
    )


def shown(value: object) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {shown(one)}" for name, one in value.items()) or "none"
    return "none" if value in ("", None) else str(value)


def notes(policy: Policy) -> Safe:
    """What platform.toml leaves to its defaults; nothing where it says everything."""
    found = list(advice.notes(policy))
    if not found:
        return join([])
    listed = tag("ul", *(tag("li", note) for note in found))
    return tag("details", tag("summary", f"What platform.toml could say more clearly ({len(found)})"), listed)

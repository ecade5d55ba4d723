"""The policy as a form: the keys it offers, and the person's changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core.policy.reader import Policy


@dataclass(frozen=True)
class Field:
    """One dotted key. A number has its bounds and step; a switch and a list of names have none."""

    key: str
    label: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    help: str | None = None


def _share(key: str, label: str, help: str | None = None) -> Field:
    return Field(key, label, 0.0, 1.0, 0.01, help)


FORM: Mapping[str, Sequence[Field]] = {
    "Confidence thresholds": (
        _share("thresholds.escalate_below", "Escalate below (row 2)"),
        _share("thresholds.auto_any", "Any severity (row 3)", "Business impact low or medium"),
        _share("thresholds.auto_mild", "Low or medium severity (row 4)"),
        _share("thresholds.auto_contained", "High severity, low impact (row 5)"),
    ),
    "Confidence weights (they sum to 1)": (
        _share("weights.analysis", "Analysis"),
        _share("weights.history", "History of the pattern"),
        _share("weights.simplicity", "Simplicity"),
        _share("weights.low_impact", "Low impact"),
        _share("history.prior", "Prior of a new pattern"),
        Field("history.weight", "Weight of the prior, cases", 0.0, 100.0, 1.0),
    ),
    "Guards (they only make a decision safer)": (
        Field("guards.critical_services", "Critical services", help="Names, separated by commas"),
        _share("guards.critical_confidence", "Confidence for critical services"),
        Field("guards.deployments_per_hour", "Maximum automatic deployments an hour", 0, 1000, 1),
        Field("guards.minimum_occurrences", "Minimum occurrences", 1, 1000, 1),
        Field("guards.stop_after_rollbacks", "Approval after rollbacks in a row", 1, 100, 1),
        Field("guards.brake_after_failures", "Brake after failed releases", 0, 100, 1, "In a row; 0 means never"),
        Field("guards.approval_always", "Every fix needs approval"),
        Field(
            "corroboration.required",
            "Reports need corroboration",
            help="If the service's own metrics or logs show no failures, a person approves.",
        ),
        Field("corroboration.failures", "Failures that corroborate", 1, 1000, 1, "Fewer if fewer are reported"),
        Field("corroboration.wait_seconds", "Wait for late metrics, seconds", 0.0, 86400.0, 60.0),
    ),
    "Autonomy of fixes (SERVICE/FIXER/EVIDENCE)": (
        _share("fix.autonomy.precision", "Precision that a class must show", "Lower bound of its 95 % interval"),
        Field("fix.autonomy.cases", "Cases or outcomes that must show it", 1, 10_000, 1),
        Field("fix.autonomy.granted", "Granted", help="The weakest evidence, e.g. shop/embedded/sibling"),
        Field("fix.autonomy.withheld", "Withheld", help="Globs, e.g. */model/*"),
    ),
    "After the deployment": (
        Field("watch.seconds", "Watch duration, seconds", 1.0, 86400.0, 30.0),
        Field("watch.earliest", "Earliest confirmation, seconds", 0.0, 86400.0, 10.0),
        _share("watch.error_rate_margin", "Allowed error rate rise"),
        Field("watch.latency_factor", "Allowed p95 growth, factor", 1.0, 100.0, 0.1),
        Field("watch.latency_floor_ms", "p95 growth treated as noise, ms", 0.0, 60_000.0, 10.0),
        Field("approval.expires_minutes", "Approval expiry, minutes", 1, 100_000, 30),
    ),
}

LABELS: Mapping[str, str] = {field.key: field.label for fields in FORM.values() for field in fields}


def value_of(policy: Policy, key: str):
    found = policy
    for name in key.split("."):
        found = getattr(found, name)
    return found


def _asked(field: Field, value, key: str):
    """Draw the widget of one field; returns its value in the policy's type."""
    if isinstance(value, bool):
        return st.toggle(field.label, value, key=key, help=field.help)
    if isinstance(value, list):
        text = st.text_input(field.label, ", ".join(value), key=key, help=field.help)
        return [name.strip() for name in text.split(",") if name.strip()]
    kind = type(value)
    asked = st.number_input(
        field.label, kind(field.low), kind(field.high), value, kind(field.step), key=key, help=field.help
    )
    return round(asked, 6) if kind is float else asked


def changes(policy: Policy, version: str) -> dict[str, object]:
    """Draw the form; returns the keys that differ from the policy. A new ``version`` redraws it."""
    changed = {}
    for title, fields in FORM.items():
        st.subheader(title, anchor=False)
        with st.grid(columns=4, min_column_width=210):
            for field in fields:
                before = value_of(policy, field.key)
                after = _asked(field, before, f"policy-{version[:8]}-{field.key}")
                if after != before:
                    changed[field.key] = after
    return changed

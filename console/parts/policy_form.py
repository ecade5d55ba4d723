"""The policy as a form: which keys it offers, and what the person changed of them."""

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
    "Confidence that each row asks for": (
        _share("thresholds.escalate_below", "A person below (row 2)"),
        _share("thresholds.auto_any", "Any severity (row 3)", "impact low or medium"),
        _share("thresholds.auto_mild", "Low or medium severity (row 4)"),
        _share("thresholds.auto_contained", "High severity, low impact (row 5)"),
    ),
    "What the confidence is made of (the weights sum to 1)": (
        _share("weights.analysis", "Analysis"),
        _share("weights.history", "History of the pattern"),
        _share("weights.simplicity", "Simplicity"),
        _share("weights.low_impact", "Low impact"),
        _share("history.prior", "Prior of an unseen pattern"),
        Field("history.weight", "Prior counts as cases", 0.0, 100.0, 1.0),
    ),
    "Guards, which can only make a decision safer": (
        Field("guards.critical_services", "Critical services", help="names, separated by commas"),
        _share("guards.critical_confidence", "Confidence for critical services"),
        Field("guards.deployments_per_hour", "Automatic deployments an hour", 0, 1000, 1),
        Field("guards.minimum_occurrences", "Occurrences at least", 1, 1000, 1),
        Field("guards.stop_after_rollbacks", "Approval after rollbacks in a row", 1, 100, 1),
        Field("guards.brake_after_failures", "Brake after failed releases", 0, 100, 1, "in a row; 0: never"),
        Field("guards.approval_always", "A person approves every fix"),
        Field(
            "corroboration.required",
            "Reports need corroboration",
            help="Without failures in the service's own metrics or logs, a person approves.",
        ),
        Field("corroboration.failures", "Failures that corroborate", 1, 1000, 1, "fewer if fewer are reported"),
        Field("corroboration.wait_seconds", "Wait for late metrics, seconds", 0.0, 86400.0, 60.0),
    ),
    "After the deployment": (
        Field("watch.seconds", "Watched for, seconds", 1.0, 86400.0, 30.0),
        Field("watch.earliest", "Earliest confirmation, seconds", 0.0, 86400.0, 10.0),
        _share("watch.error_rate_margin", "Allowed rise of the error rate"),
        Field("watch.latency_factor", "Allowed growth of p95", 1.0, 100.0, 0.1),
        Field("watch.latency_floor_ms", "Growth of p95 that is noise, ms", 0.0, 60_000.0, 10.0),
        Field("approval.expires_minutes", "An approval expires after, minutes", 1, 100_000, 30),
    ),
}


def value_of(policy: Policy, key: str):
    found = policy
    for name in key.split("."):
        found = getattr(found, name)
    return found


def _asked(field: Field, value, key: str):
    """The widget of one field; what it says now, in the policy's own type."""
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
    """Draw the form; the keys that now differ from the policy. ``version`` renews it when the policy changes."""
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

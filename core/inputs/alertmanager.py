"""Alertmanager's webhook, version 4; Grafana and Mimir use the same format. Pure.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. An alert is identified by its fingerprint
and the time when it began to fire. A resolved alert ends the one that it belongs to.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from core.inputs.naming import ANY, UnknownService, known
from core.models import Kind, Record
from core.policy.reader import Policy

SOURCE = "alertmanager"
LEVELS = {"critical": "critical", "page": "critical", "warning": "warning", "warn": "warning", "info": "info"}
ENVIRONMENT = ("environment", "env", "deployment_environment")
RELEASE = ("release", "version")


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:  # of the years 1 and 9999, in another time zone
        raise ValueError("the time is out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
Labels = dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=4000)]]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class FiredAlert(_Shape):
    status: str = Field(pattern="^(firing|resolved)$")
    labels: Labels = {}
    annotations: Labels = {}
    starts_at: Moment = Field(alias="startsAt")
    ends_at: Moment | None = Field(default=None, alias="endsAt")
    generator_url: str = Field(default="", alias="generatorURL", max_length=4000)
    fingerprint: str = Field(min_length=1, max_length=100)


class AlertGroup(_Shape):
    group_key: str = Field(default="", alias="groupKey", max_length=10_000)
    receiver: str = Field(default="", max_length=1000)
    alerts: list[FiredAlert] = Field(max_length=5000)


def parsed(body: object) -> AlertGroup:
    """Parse a webhook. Raises ValueError whose message names the fault without quoting the input."""
    try:
        return AlertGroup.model_validate(body)
    except ValidationError as fault:
        raise ValueError(faults(fault)) from None


def faults(fault: ValidationError) -> str:
    """The first three faults with their JSON paths, without the values."""
    messages = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in fault.errors()[:3]]
    return "; ".join(messages)[:500]


def service_of(alert: FiredAlert, owner: str, policy: Policy) -> str:
    """The service of the labels, else that of the token, else "". Raises UnknownService for another token's service."""
    named = (known(alert.labels[label], policy) for label in policy.inputs.labels if alert.labels.get(label))
    found = next(filter(None, named), "")
    if owner == ANY:
        return found
    if found not in ("", owner):
        raise UnknownService(f"The alert is for {found[:80]!r}, but the token is for {owner[:80]!r}")
    return owner


def record(alert: FiredAlert, service: str, group: AlertGroup) -> Record:
    name = alert.labels.get("alertname") or "alert"
    begun = alert.starts_at
    over = alert.status == "resolved"
    identity = f"{alert.fingerprint}@{begun.isoformat()}"
    summary = alert.annotations.get("summary") or alert.annotations.get("title") or ""
    return Record(
        source=SOURCE,
        vendor_id=f"{identity}:over" if over else identity,
        kind=Kind.ALERT,
        at=_ended(alert) if over else begun,
        service=service,
        environment=_first(alert.labels, ENVIRONMENT) or "production",
        release=_first(alert.labels, RELEASE) or None,
        level=LEVELS.get(alert.labels.get("severity", "").lower(), "error"),
        title=f"{name}: {summary}"[:300] if summary else name[:300],
        message=(alert.annotations.get("description") or alert.annotations.get("message") or summary)[:20_000],
        url=alert.generator_url,
        attributes={
            "alarm_name": name[:300],
            "state": alert.status,
            "labels": alert.labels,
            "group_key": group.group_key,
            "receiver": group.receiver,
            **({"over": identity} if over else {}),
        },
    )


def _ended(alert: FiredAlert) -> datetime:
    """The end of an alert; its start if the end is unknown, for which Alertmanager sends the year 1."""
    return max(alert.ends_at or alert.starts_at, alert.starts_at)


def _first(labels: Labels, names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")

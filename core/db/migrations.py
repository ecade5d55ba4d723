"""Numbered changes of the schema, and the table of those applied (after simonw/llm). store.py applies them in order."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy import Column, Connection, Index, Table, inspect, text
from sqlmodel import SQLModel

from core import models
from core.models import access, following, hosts, inputs, kept, security, traces, uptime
from core.models.base import table_of


def add(connection: Connection, *names: str) -> None:
    """Add the named tables ("silence") and columns ("issue.owner") of models if they are missing.

    A fresh database has them from its first migration; an older one gets them here, with their defaults.
    """
    found = inspect(connection)
    for table_name, _, column_name in (name.partition(".") for name in names):
        table = SQLModel.metadata.tables[table_name]
        if not column_name:
            table.create(connection, checkfirst=True)
        elif column_name not in {column["name"] for column in found.get_columns(table_name)}:
            _add_column(connection, table, table.columns[column_name])


def _add_column(connection: Connection, table: Table, column: Column) -> None:
    """Add a column, nullable or with a plain default: SQLite and PostgreSQL can both add these to a table with rows."""
    quoted = connection.dialect.identifier_preparer.quote
    shape = f"{quoted(column.name)} {column.type.compile(connection.dialect)}"
    if not column.nullable:
        shape += f" DEFAULT {_literal(column)} NOT NULL"
    connection.execute(text(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {shape}"))
    for index in table.indexes:
        if column.name in index.columns:
            index.create(connection, checkfirst=True)


def index(connection: Connection, name: str) -> None:
    """Add the named index of models if it is missing."""
    tables = SQLModel.metadata.tables.values()
    found: Index = next(i for table in tables for i in table.indexes if i.name == name)
    found.create(connection, checkfirst=True)


def _literal(column: Column) -> str:
    """The model's default as SQL; a JSON column's factory gives the empty list or object."""
    default = getattr(column.default, "arg", None)
    value = default(None) if callable(default) else default
    if isinstance(value, list | dict):
        return f"'{json.dumps(value)}'"
    return str(int(value)) if isinstance(value, bool | int) else f"'{value}'" if isinstance(value, str) else str(value)


def m001_first_schema(connection: Connection) -> None:
    SQLModel.metadata.create_all(connection)


def m003_sources(connection: Connection) -> None:
    add(connection, "connector.note", "connector.calls_left", "connector.vendor_left")


def m004_delivery(connection: Connection) -> None:
    columns = ("next_at", "approval_id", "reference", "told")
    add(connection, "webhook", *(f"notification.{name}" for name in columns))


def m005_rulings(connection: Connection) -> None:
    """Also indexes that keep the cost of a round independent of the number of stored signals."""
    add(connection, table_of(kept.Ruling).name, table_of(kept.Silence).name)
    add(connection, "issue.counted_by", "issue.merged_into")
    for name in ("ix_signal_fingerprint", "ix_signal_issue_at"):
        connection.execute(text(f"DROP INDEX IF EXISTS {name}"))
    for name in ("ix_signal_issue_at", "ix_signal_fingerprint_at", "ix_signal_waiting", "ix_signal_aside"):
        index(connection, name)


def m008_people(connection: Connection) -> None:
    add(connection, *(table_of(table).name for table in (access.Person, access.SignIn, access.ApiToken)))
    add(connection, "issue.requested_by", "approval.requested_by", "approval.assignee")
    add(connection, "deployment.promote_seconds", "deployment.rollback_seconds")


def m009_saved_views_policy_versions(connection: Connection) -> None:
    """Also the verdict of each outcome, and the indexes for the counts on the screens."""
    add(connection, "policyversion", "savedview", "outcome.verdict")
    connection.execute(
        text(
            "UPDATE outcome SET verdict = (SELECT d.verdict FROM decision d WHERE d.issue_id = outcome.issue_id"
            " AND d.run = outcome.run ORDER BY d.id DESC LIMIT 1) WHERE verdict IS NULL"
        )
    )
    for name in COUNTED_BY:
        index(connection, name)


def m010_commit_of_a_change(connection: Connection) -> None:
    add(connection, "changeset.commit")


COUNTED_BY = (
    "ix_outcome_figures",
    "ix_decision_counts",
    "ix_auditrow_actor",
    "ix_auditrow_action",
    "ix_metric_sums",
    "ix_deployment_counts",
    "ix_review_counts",
    "ix_approval_asked",
    "ix_approval_answered",
    "ix_analysis_counts",
    "ix_testrun_counts",
    "ix_stagerun_counts",
    "ix_issue_occurrences",
    "ix_changeset_status",
)


def m011_audit_heads(connection: Connection) -> None:
    add(connection, "audithead", "auditrow.request")


def m012_judged_releases(connection: Connection) -> None:
    add(connection, "deployment.judged", "deployment.kept_by")


def m013_alarm_and_life(connection: Connection) -> None:
    """The alarm of a deployment that could be neither confirmed nor rolled back, and the life of a worker's row."""
    add(connection, "deployment.alarm", "worker.life")


def m014_holds_restarts_resolutions(connection: Connection) -> None:
    add(connection, "hold", "issue.restarts", "issue.at_once", "outcome.resolution", "outcome.resolved_by")


def m015_inputs(connection: Connection) -> None:
    """What services and vendors send, with the tokens that they send it with."""
    tables = (inputs.Payload, inputs.IngestToken, inputs.InputState, inputs.SpanWindow, inputs.ServiceCall)
    add(connection, *(table_of(table).name for table in (*tables, inputs.SpanLink)))


def m016_grade_of_a_change(connection: Connection) -> None:
    add(connection, "changeset.grade")


def m017_meter_streams(connection: Connection) -> None:
    """The last values of the metrics that services send."""
    add(connection, table_of(inputs.MeterStream).name)


def m018_notes_owners_subscriptions(connection: Connection) -> None:
    add(
        connection,
        *(table_of(table).name for table in (following.Remark, following.Subscription, following.LineComment)),
    )
    add(connection, "issue.owner", "issue.acknowledged_by", "issue.acknowledged_at", "issue.reverts")
    add(connection, "notification.receiver")
    index(connection, "ix_notification_receiver")


def m019_health_checks_preferences(connection: Connection) -> None:
    add(connection, table_of(uptime.HealthHour).name, "person.zone", "person.theme")


def m020_incidents(connection: Connection) -> None:
    """Issues with several affected services, and links between issues."""
    add(connection, "issue.also_affects", table_of(models.IssueLink).name)


def m021_security_findings(connection: Connection) -> None:
    """The scans of repositories; on PostgreSQL, also the new values of two types."""
    add(connection, table_of(security.SecurityScan).name)
    for kind in ("kind", "cause") if connection.dialect.name == "postgresql" else ():
        connection.execute(text(f"ALTER TYPE {kind} ADD VALUE IF NOT EXISTS 'SECURITY'"))


def m022_kind_of_a_change(connection: Connection) -> None:
    add(connection, "changeset.kind")


def m023_traces_hosts(connection: Connection) -> None:
    """Failing spans of traces, and the load of hosts."""
    add(connection, table_of(traces.FailedSpan).name, table_of(hosts.HostMetric).name)


def m024_indexes_of_the_screens(connection: Connection) -> None:
    """What pages ask for at each visit: issues that need a person, alarms, the last rollback, an issue's audit rows."""
    connection.execute(text("DROP INDEX IF EXISTS ix_issue_status"))
    deployments = (f"ix_deployment_{what}" for what in ("alarm", "pending", "ready", "rollback"))
    for name in ("ix_issue_needs", "ix_auditrow_subject", "ix_signal_change", *deployments):
        index(connection, name)


MIGRATIONS: list[Callable[[Connection], None]] = [
    m001_first_schema,
    m003_sources,
    m004_delivery,
    m005_rulings,
    m008_people,
    m009_saved_views_policy_versions,
    m010_commit_of_a_change,
    m011_audit_heads,
    m012_judged_releases,
    m013_alarm_and_life,
    m014_holds_restarts_resolutions,
    m015_inputs,
    m016_grade_of_a_change,
    m017_meter_streams,
    m018_notes_owners_subscriptions,
    m019_health_checks_preferences,
    m020_incidents,
    m021_security_findings,
    m022_kind_of_a_change,
    m023_traces_hosts,
    m024_indexes_of_the_screens,
]

# ruff: noqa: E501 - SQL reads better in its own lines
"""A history of any size, written straight by SQL: N signals of 90 days, an issue a ten of them, and all that follows.

The newest day is the same as every other; one issue a hundred is still under way.
"""

from __future__ import annotations

from datetime import UTC, timedelta

from sqlalchemy import Connection, text

from core.db import store
from core.models import now

DAYS = 90
SERVICES = ("cart", "catalog", "search", "account", "pricing", "checkout", "payment")
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :many) "
SERVICE = "(CASE i % 7 " + " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(SERVICES)) + " END)"
AT = "strftime('%Y-%m-%d %H:%M:%f000', julianday(:start) + :days * 1.0 * i / :many)"
OPEN, ROLLED, HANDED = "i % 100 = 0", "i % 20 = 3", "i % 10 = 7"
RESULT = f"(CASE WHEN {ROLLED} THEN 'rolled_back' WHEN {HANDED} THEN 'escalated' ELSE 'fixed' END)"
VERDICT = f"(CASE WHEN {HANDED} THEN 'ESCALATE_HUMAN' ELSE 'AUTO_RESOLVE' END)"
CONFIDENCE = "(0.55 + 0.44 * ((i * 7) % 100) / 100.0)"
INPUTS = (
    "json_object('inputs', json_object('service', "
    + SERVICE
    + ", 'severity', 'medium', 'impact', 'low', 'cause', 'code',"
    " 'analysis', 0.9, 'simplicity', 0.9, 'successes', 7, 'outcomes', 9, 'occurrences', 20,"
    " 'deployments_last_hour', 0, 'rollbacks_in_a_row', 0))"
)
PATCH = "'+++ b/shop/x.py' || char(10) || '@@ -1 +1 @@' || char(10) || '-a' || char(10) || '+b' || char(10)"

ISSUE_ROWS = {
    "issue": "INSERT INTO issue (id, fingerprint, because, title, kind, service, environment, pattern, status, severity,"
    " impact, cause, confidence, verdict, reason, run, restarts, at_once, also_affects, occurrences, users, first_seen, last_seen,"
    " created_at, ended_at)"
    f" SELECT i, 'fp' || i, 'same frames', 'KeyError: item ' || i, 'EXCEPTION', {SERVICE}, 'production', 'KeyError',"
    f" (CASE WHEN {OPEN} THEN 'FIXING' WHEN {RESULT} = 'fixed' THEN 'RESOLVED' ELSE 'ESCALATED' END), 'MEDIUM', 'LOW',"
    f" 'CODE', {CONFIDENCE}, {VERDICT}, 'on its way', 1, 0, 0, '', 10 + i % 400, i % 50, {AT}, {AT}, {AT},"
    f" (CASE WHEN {OPEN} THEN NULL ELSE {AT} END) FROM n",
    "analysis": "INSERT INTO analysis (id, issue_id, run, analyst, root_cause, cause, next_step, severity, impact,"
    " confidence, simplicity, pattern, culprit, evidence, created_at) SELECT i, i, 1, 'embedded', 'a missing key', 'CODE',"
    f" '', 'MEDIUM', 'LOW', 0.9, 0.9, 'KeyError', 'shop/x.py:1', '[]', {AT} FROM n",
    "decision": "INSERT INTO decision (id, issue_id, analysis_id, run, verdict, confidence, row, needs_approval, receipt,"
    f" created_at) SELECT i, i, i, 1, {VERDICT}, {CONFIDENCE}, 3 + i % 4, 0, {INPUTS}, {AT} FROM n",
    "changeset": "INSERT INTO changeset (id, issue_id, run, attempt, kind, generator, template, title, rationale, status, branch,"
    ' grade, base_sha, head_sha, patch, "commit", patch_hash, test_path, test_code, confidence, proof, pull_url, tokens,'
    " cost_usd, seconds, note, created_at) SELECT i, i, 1, 1, 'bug_fix', 'embedded', 'missing-key', 'Skip it', '', (CASE WHEN "
    f"{RESULT} = 'fixed' THEN 'merged' ELSE 'rolled_back' END), 'b', '', 's', 'h', {PATCH}, '', 'p' || i, '', '', 0.9, '{{}}', '',"
    f" 0, 0.0, 6.0, '', {AT} FROM n WHERE NOT {HANDED}",
    "review": "INSERT INTO review (change_set_id, passed, gates, findings, seconds, created_at) SELECT i, 1, '[]', '[]',"
    f" 1.0, {AT} FROM n WHERE NOT {HANDED}",
    "testrun": "INSERT INTO testrun (change_set_id, command, passed, tests, failures, runner, output, seconds, created_at)"
    f" SELECT i, 'pytest', 1, 42, 0, 'bubblewrap', '', 3.0, {AT} FROM n WHERE NOT {HANDED}",
    "deployment": "INSERT INTO deployment (id, key, issue_id, change_set_id, repository, environment, sha, vendor_id, url,"
    " previous_vendor_id, automatic, status, note, before, after, judged, alarm, started_at, ready_at, ended_at)"
    " SELECT i, 'd' || i, i, i,"
    " 'shop', 'production', 'h', 'v', '', 'u', 1, (CASE WHEN " + f"{ROLLED} THEN 'rolled_back' ELSE 'verified' END), '',"
    f" '{{}}', '{{}}', '{{}}', '', {AT}, {AT}, {AT} FROM n WHERE NOT {HANDED} AND NOT {OPEN}",
    "outcome": "INSERT INTO outcome (issue_id, run, pattern, service, result, by, note, verdict, confidence, detect_seconds,"
    f" total_seconds, created_at) SELECT i, 1, 'KeyError', {SERVICE}, {RESULT}, 'platform', '', {VERDICT}, {CONFIDENCE},"
    f" 12.0, 90.0 + i % 300, {AT} FROM n WHERE NOT {OPEN}",
    "auditrow": "INSERT INTO auditrow (at, actor, action, subject, detail, key, previous, hash, request) SELECT " + AT + ","
    " 'platform', 'resolved', 'issue/' || i, '{}', 'k' || i, 'p', 'h', '' FROM n",
}  # fmt: skip
STAGE = (
    "INSERT INTO stagerun (issue_id, run, stage, attempt, started_at, ended_at, result, says, detail)"
    f" SELECT i, 1, '{{stage}}', 1, {AT}, {AT}, 'ok', '', '{{{{}}}}' FROM n"
)
SIGNAL = (
    "INSERT INTO signal (source, vendor_id, kind, service, environment, level, title, message, count, users, url,"
    f" attributes, fingerprint, issue_id, at, received_at) SELECT 'sentry', 'v' || i, 'EXCEPTION', {SERVICE}, 'production',"
    f" 'error', 'KeyError', '', 1, 0, '', '{{}}', 'fp', 1 + i * (:issues - 1) / :many, {AT}, {AT} FROM n"
)
METRIC = (
    "INSERT INTO metric (source, service, name, at, value) SELECT 'datadog', '{service}', '{name}', "
    f"{AT}, {{value}} FROM n"
)
ROUND = (
    "INSERT INTO round (slot, worker, started_at, ended_at, result, records, issues, detail) SELECT 's' || i, 'w', "
    f"{AT}, {AT}, 'ok', 40, 1, '{{}}' FROM n"
)


def _run(connection: Connection, sql: str, many: int, days: float = DAYS, **values) -> None:
    start = (now() - timedelta(days=days)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    connection.execute(text(_placed(sql)), {"many": many, "days": days, "start": start, **values})


def _placed(sql: str) -> str:
    """The numbers come after INSERT ... (columns) and before SELECT, where SQLite wants a WITH."""
    head, _, tail = sql.partition(" SELECT ")
    return f"{head} {NUMBERS}SELECT {tail}"


def write(signals: int, issues: int = 0) -> None:
    """Fill the open store (SQLite); an issue a ten signals unless ``issues`` says otherwise."""
    issues = issues or max(10, signals // 10)
    with store.write() as session:
        connection = session.connection()
        for sql in ISSUE_ROWS.values():
            _run(connection, sql, issues)
        for stage in ("ANALYZE", "DECIDE", "FIX", "REVIEW", "TEST", "DEPLOY", "VERIFY", "LEARN"):
            _run(connection, STAGE.format(stage=stage), issues)
        _run(connection, SIGNAL, signals, issues=issues)
        _run(connection, ROUND, 288 * 30, days=30)
        for service in SERVICES:
            for name, value in (("requests", "120"), ("errors", "i % 3"), ("p95_ms", "90 + i % 9")):
                _run(connection, METRIC.format(service=service, name=name, value=value), 24 * 60, days=1)
    with store.engine().connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")

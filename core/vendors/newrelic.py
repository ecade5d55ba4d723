"""New Relic: transaction errors, alert issues, service metrics, traces (newrelic_spans.py), the load of hosts
(newrelic_hosts.py), and the health of services.

API: NerdGraph, one GraphQL URL for each region. NRQL runs asynchronously and is polled by its queryId. NRQL has no page
cursor, so rows are read in order of time, each page from the last row's time on. Faults come as HTTP 200 with
``errors``; AI issues need the experimental opt-in header.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from core.models import Kind, MetricPoint, Record, ServiceHealth
from core.models.origin import Origin, Writers
from core.vendors import newrelic_hosts, newrelic_spans
from core.vendors.base import Batch, Check, Meter, VendorError, understood
from core.vendors.http import Http, VendorAnswer
from core.vendors.reading import Item, Page, ReadWindow, Stream, collect, records_of
from core.vendors.whole_traces import EARLIER, traces_of

ADDRESSES = {"us": "https://api.newrelic.com/graphql", "eu": "https://api.eu.newrelic.com/graphql"}
ROWS, BUCKET, BUCKETS = 5000, 60, 360  # rows of LIMIT MAX; seconds of a metric's interval; most of them in one query
PATIENCE = 60.0  # seconds for one asynchronous query
OPT_IN = {"nerd-graph-unsafe-experimental-opt-in": "AiIssues"}
OPEN = ("CREATED", "ACTIVATED")
PASSING = frozenset({"TOO_MANY_REQUESTS", "TIMEOUT", "SERVER_ERROR", "INTERNAL_SERVER_ERROR"})
PROGRESS = "{ results queryProgress { queryId completed retryAfter } }"
NRQL = f"""query Nrql($account: Int!, $nrql: Nrql!) {{
  actor {{ account(id: $account) {{ nrql(query: $nrql, timeout: 30, async: true) {PROGRESS} }} }} }}"""
FOLLOW = f"""query Follow($account: Int!, $id: ID!) {{
  actor {{ account(id: $account) {{ nrql: nrqlQueryProgress(queryId: $id) {PROGRESS} }} }} }}"""
ISSUES = """query Issues($account: Int!, $cursor: String, $window: TimeWindowInput!) {
  actor { account(id: $account) { aiIssues {
    issues(cursor: $cursor, filter: {states: [CREATED, ACTIVATED]}, timeWindow: $window) {
      issues { issueId title description priority state createdAt activatedAt
               entityNames conditionName policyName deepLinkUrl }
      nextCursor } } } } }"""
ACCOUNT = "query Account($account: Int!) { actor { account(id: $account) { id name } } }"
ATTRIBUTES = (
    "timestamp, appName, transactionName, `error.class`, `error.message`, `error.stack_trace`, `error.expected`, "
    "guid, traceId, host, environment, `service.version`"
)
FARES = (
    "SELECT count(*) AS 'requests', filter(count(*), WHERE error IS true) AS 'errors', "
    "percentile(duration, 95) AS 'p95' FROM Transaction FACET appName"
)


class NewRelic:
    name = "newrelic"
    origin = Origin("New Relic", Writers.TEAM)

    def __init__(
        self,
        http: Http,
        account: int,
        condition: str = "error.expected IS NOT true",
        pause: Callable[[float], None] = time.sleep,
        hosts: bool = False,
    ):
        self.http, self.account, self.condition, self.pause = http, account, condition, pause
        self.hosts = hosts

    @property
    def meter(self) -> Meter:
        return self.http.meter

    # --- signals

    def collect(self, cursor: str | None, until: datetime) -> Iterator[Batch]:
        self.http.meter.begin()
        streams = {
            "metrics": Stream(self._metrics),
            "issues": Stream(self._issues, ascending=False),
            "errors": Stream(self._errors),
            "spans": Stream(self._spans, ascending=False, needs="access to the Span events"),
        }
        if self.hosts:
            streams["hosts"] = Stream(self._loads, needs="access to the SystemSample events")
        return collect(streams, cursor, until)

    def _metrics(self, window: ReadWindow) -> Page:
        """A page of metrics for whole minutes only, so that intervals are always the same."""
        begin, stop, after = _minutes(window)
        return Page(metrics=self._measured(begin, stop), after=after) if begin < stop else Page()

    def _loads(self, window: ReadWindow) -> Page:
        """A page of the load of hosts."""
        begin, stop, after = _minutes(window)
        if begin >= stop:
            return Page()
        rows = self.nrql(f"{newrelic_hosts.LOAD} {_series(begin, stop)}")
        return Page(hosts=[point for row in rows for point in newrelic_hosts.points(row)], after=after)

    def _spans(self, window: ReadWindow) -> Page:
        """A page of failing spans with all spans of their traces; ``after`` is as in ``_errors``."""
        rows, after = self._in_order(newrelic_spans.FAILING, window)
        found = self._records(rows, newrelic_spans.span)
        if traces := traces_of(found):
            since, until = _ms(window.since - EARLIER), _ms(window.until)
            whole = self.nrql(f"{newrelic_spans.whole(traces)} SINCE {since} UNTIL {until} LIMIT MAX")
            found += self._records(whole, newrelic_spans.span)
        return Page(spans=found, after=after)

    def _errors(self, window: ReadWindow) -> Page:
        """A page of errors; ``after`` is the last row's time in ms, and the number of rows read at that time."""
        where = f" WHERE {self.condition}" if self.condition else ""
        rows, after = self._in_order(f"SELECT {ATTRIBUTES} FROM TransactionError{where}", window)
        return Page(self._records(rows, error), after=after)

    def _in_order(self, query: str, window: ReadWindow) -> tuple[list[dict], str | None]:
        """(rows in the order of time, the place of the next page)."""
        since, skip = map(int, (window.after or f"{_ms(window.since)}:0").split(":"))
        rows = self.nrql(
            f"{query} SINCE {since} UNTIL {_ms(window.until)} "
            f"ORDER BY timestamp ASC LIMIT MAX" + (f" OFFSET {skip}" if skip else "")
        )
        if rows and int(rows[0]["timestamp"]) < since:
            raise VendorError(self.name, "returned an older page again; the next collection cycle retries")
        after = None
        if len(rows) >= ROWS:
            last = int(rows[-1]["timestamp"])
            after = f"{last}:0" if last > since else f"{since}:{skip + len(rows)}"
        return rows, after

    def _issues(self, window: ReadWindow) -> Page:
        span = {"startTime": _ms(window.since), "endTime": _ms(window.until)}
        found = self._part(ISSUES, "aiIssues", {"cursor": window.after, "window": span}, OPT_IN).get("issues") or {}
        if not isinstance(found.get("issues"), list):
            raise VendorError(self.name, "returned no issues")
        rows = [row for row in found["issues"] if row.get("state") in OPEN]
        return Page(self._records(rows, alert), after=found.get("nextCursor") or None)

    def _records(self, rows: list, read: Callable[[dict, Http], Item]) -> list[Item]:
        return records_of(rows, lambda row: read(row, self.http), self.meter)

    # --- health of services

    @understood("newrelic")
    def points(self, services: Sequence[str], since: datetime, until: datetime) -> list[MetricPoint]:
        begin, end = _whole(since.timestamp()), _whole(until.timestamp())
        found: list[MetricPoint] = []
        while begin < end:
            stop = min(end, begin + BUCKET * BUCKETS)
            found += self._measured(begin, stop)
            begin = stop
        return [point for point in found if point.at >= since and point.service in services]

    def _measured(self, begin: int, stop: int) -> list[MetricPoint]:
        """Points of whole minutes; both ends are epoch seconds."""
        rows = self.nrql(f"{FARES} {_series(begin, stop)}")
        return [point for row in rows for point in measured(row)]

    # --- NerdGraph

    def nrql(self, query: str) -> list[dict]:
        """The rows of a finished query. Raises VendorError."""
        found = self._part(NRQL, "nrql", {"nrql": query})
        waited = 0.0
        while not (progress := found.get("queryProgress") or {}).get("completed", True):
            wait = min(max(float(progress.get("retryAfter") or 1), 0.2), 10.0)
            if (waited := waited + wait) > PATIENCE:
                raise VendorError(self.name, f"a query did not finish within {PATIENCE:.0f} s")
            self.pause(wait)
            found = self._part(FOLLOW, "nrql", {"id": progress["queryId"]})
        if not isinstance(found.get("results"), list):
            raise VendorError(self.name, "returned no query results")
        return found["results"]

    def _ask(self, query: str, variables: dict, headers: dict | None = None) -> dict:
        """The account's part of a response. All queries are read-only, so they may be retried."""
        body = {"query": query, "variables": {"account": self.account, **variables}}
        answer = self.http.post("", json=body, headers=headers, idempotent=True, verify=self._refused)
        account = ((answer.json().get("data") or {}).get("actor") or {}).get("account")
        if not isinstance(account, dict):
            message = f"account {self.account} does not exist, or the key's user has no access to it"
            raise VendorError(self.name, message, permanent=True)
        return account

    def _part(self, query: str, name: str, variables: dict, headers: dict | None = None) -> dict:
        """One object of the account. Raises VendorError if the response lacks it."""
        found = self._ask(query, variables, headers).get(name)
        if not isinstance(found, dict):
            raise VendorError(self.name, f"returned no {name!r}")
        return found

    def _refused(self, answer: VendorAnswer) -> None:
        """Raises VendorError for the errors in an HTTP 200 response."""
        errors = answer.json().get("errors")
        if not errors:
            return
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
        kinds = first.get("extensions") or {}
        kind = str(kinds.get("error_code") or kinds.get("errorClass") or "")
        text = self.http.redact(str(first.get("message") or "an error without a message"))[:300]
        reason = "rejected the API key; it must be a user key (NRAK-…)" if kind == "BAD_API_KEY" else text
        raise VendorError(self.name, reason + (f" ({kind})" if kind else ""), permanent=kind not in PASSING, status=200)

    def check(self) -> Check:
        try:
            named = self._ask(ACCOUNT, {}).get("name")
            self.nrql("SELECT count(*) FROM Transaction SINCE 5 minutes ago")
        except VendorError as fault:
            return Check(False, fault.message, whereto(fault))
        return Check(True, f"account {self.account} ({named}) is readable")


def whereto(fault: VendorError) -> str:
    """The setting that caused a fault, and where to find the right value."""
    if "BAD_API_KEY" in fault.message or fault.status in (401, 403):
        return (
            "NEWRELIC_API_KEY: a user key (one.newrelic.com > user menu > API keys > type User); "
            "a key of the EU region needs NEWRELIC_REGION=eu"
        )
    if fault.status == 429 or (fault.status or 0) >= 500 or any(f"({kind})" in fault.message for kind in PASSING):
        return "no change needed here; see https://status.newrelic.com"
    if "account" in fault.message:
        return "NEWRELIC_ACCOUNT_ID: the number beside the account's name (one.newrelic.com > user menu > API keys)"
    return "check NEWRELIC_REGION (us or eu), NEWRELIC_URL and the network"


def error(row: dict, http: Http) -> Record:
    """A TransactionError as a Record. Pure."""
    kind, message = str(row.get("error.class") or "error"), http.redact(str(row.get("error.message") or ""))
    stack = http.redact(str(row.get("error.stack_trace") or ""))
    service, where = str(row.get("appName") or ""), str(row.get("transactionName") or "")
    return Record(
        source="newrelic",
        vendor_id=identity(row),
        kind=Kind.EXCEPTION,
        at=_time(row["timestamp"]),
        service=service,
        environment=str(row.get("environment") or "production"),
        release=row.get("service.version") or None,
        title=f"{kind}: {message}"[:300],
        message=(stack or message)[:20_000],
        attributes={
            "error.class": kind,
            "error.message": message,
            "transaction": where,
            "trace_id": row.get("traceId"),
            "host": row.get("host"),
        },
    )


def identity(row: dict) -> str:
    """The identity: the transaction's guid with the time; without a guid, all values of the event."""
    values = [row["timestamp"], row["guid"]] if row.get("guid") else sorted(row.items())
    return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()[:32]


def alert(row: dict, http: Http) -> Record:
    """An issue of New Relic's alerts as a Record; most of its texts are lists. Pure."""
    links = row.get("deepLinkUrl") or [""]
    return Record(
        source="newrelic",
        vendor_id=f"issue:{row['issueId']}",
        kind=Kind.ALERT,
        at=_time(row.get("activatedAt") or row["createdAt"]),
        service=_first_of(row, "entityNames"),
        level=str(row.get("priority") or "error").lower(),
        title=http.redact(_first_of(row, "title") or "alert")[:300],
        message=http.redact("\n".join(map(str, row.get("description") or [])))[:20_000],
        url=links if isinstance(links, str) else str(links[0]),
        attributes={
            "alarm_name": _first_of(row, "conditionName"),
            "policy": _first_of(row, "policyName"),
            "state": row.get("state"),
        },
    )


def _first_of(row: dict, name: str) -> str:
    return str((row.get(name) or [""])[0] or "")


def measured(row: dict) -> Iterator[MetricPoint]:
    """The metric points of one service's interval. Pure."""
    at, state = datetime.fromtimestamp(row["beginTimeSeconds"], UTC), fares(row)
    values = {"requests": state.requests, "errors": state.errors, "p95_ms": state.p95_ms}
    for name, value in values.items():
        if value is not None and state.requests and _facet(row):
            yield MetricPoint(source="newrelic", service=_facet(row), name=name, at=at, value=value)


def fares(row: dict) -> ServiceHealth:
    """A row of FARES: counts, and the percentile in seconds under its own number. Pure."""
    p95 = (row.get("p95") or {}).get("95")
    requests, errors = float(row.get("requests") or 0), float(row.get("errors") or 0)
    return ServiceHealth(requests=requests, errors=errors, p95_ms=None if p95 is None else p95 * 1000, samples=1)


def _minutes(window: ReadWindow) -> tuple[int, int, str | None]:
    """(begin, end, place of the next page) of a page of whole minutes, in epoch seconds."""
    begin, end = _whole(window.after or window.since.timestamp()), _whole(window.until.timestamp())
    stop = min(end, begin + BUCKET * BUCKETS)
    return begin, stop, str(stop) if stop < end else None


def _series(begin: int, stop: int) -> str:
    return f"SINCE {begin * 1000} UNTIL {stop * 1000} LIMIT MAX TIMESERIES {BUCKET} seconds"


def _facet(row: dict) -> str:
    return str(row.get("appName") or row.get("facet") or "")


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _time(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _whole(seconds: str | float) -> int:
    return int(float(seconds)) // BUCKET * BUCKET

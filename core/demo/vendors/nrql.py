"""The part of NRQL that reads errors and service metrics, over the shop's telemetry.

It supports selections of attributes FROM TransactionError and Span, count, filter(count) and percentile FROM
Transaction, and average and max FROM SystemSample, with WHERE on attributes, FACET, SINCE, UNTIL, ORDER BY timestamp,
LIMIT, OFFSET and TIMESERIES. Anything else is a syntax error, as at the vendor.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

from core.demo.telemetry import Telemetry
from core.demo.vendors.spans import ShopSpan, digest_of, spans_of, trace_of

WORDS = ("SELECT", "FROM", "WHERE", "FACET", "SINCE", "UNTIL", "ORDER BY", "LIMIT", "OFFSET", "TIMESERIES")
CLAUSE = re.compile(rf"\b({'|'.join(WORDS)})\b", re.I)
AGO = re.compile(r"(\d+) (second|minute|hour|day)s? ago", re.I)
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
CONDITION = re.compile(r"`?([\w.]+)`? (?:(IS NOT|IS) (true|false|null)|(=|!=) '([^']*)')", re.I)
AMONG = re.compile(r"`?([\w.]+)`? IN \(('[^']*'(?:, '[^']*')*)\)", re.I)
LOADED = re.compile(r"(average|max)\((cpu|memoryUsed|diskUsed)Percent\)")
ALIAS = re.compile(r"(.+?)(?: AS '?([\w.]+)'?)?", re.I)
PERCENTILE = re.compile(r"percentile\(duration, ?(\d+)\)", re.I)
FAILED = re.compile(r"filter\(count\(\*\), ?WHERE error IS true\)", re.I)
MOST, DEFAULT = 5000, 100


class NrqlError(ValueError):
    """The query is not valid."""


def answer(query: str, telemetry: Telemetry) -> tuple[list[dict], int]:
    """(rows, span in ms)."""
    parts = clauses(query)
    now = time.time() * 1000
    since, until = _time(parts.get("SINCE"), now - 3600_000, now), _time(parts.get("UNTIL"), now, now)
    source = parts.get("FROM", "").strip("` ")
    if source in EVENTS:
        return _events(parts, telemetry, since, until, EVENTS[source]), until - since
    if source == "Transaction":
        return _measures(parts, telemetry, since / 1000, until / 1000), until - since
    if source == "SystemSample":
        return _loads(parts, telemetry, since / 1000, until / 1000), until - since
    raise NrqlError(f"unknown event type {source!r}")


def clauses(query: str) -> dict[str, str]:
    """The text of each clause; keywords within brackets or quotes do not start a clause."""
    starts = [m for m in CLAUSE.finditer(query) if _outside(query[: m.start()])]
    if not starts or starts[0].start() != 0:
        raise NrqlError("a query begins with SELECT")
    ends = [*(m.start() for m in starts[1:]), len(query)]
    return {m[1].upper(): query[m.end() : end].strip() for m, end in zip(starts, ends, strict=True)}


def _outside(before: str) -> bool:
    return before.count("(") == before.count(")") and not (before.count("'") % 2 or before.count("`") % 2)


def _time(text: str | None, default: float, now: float) -> int:
    if not text:
        return int(default)
    if text.isdigit():
        return int(text)
    if text.lower() == "now":
        return int(now)
    if found := AGO.fullmatch(text):
        return int(now - int(found[1]) * UNITS[found[2].lower()] * 1000)
    raise NrqlError(f"cannot read the time {text!r}")


def _limit(text: str | None) -> int:
    return MOST if (text or "").upper() == "MAX" else min(int(text or DEFAULT), MOST)


def _events(
    parts: dict[str, str], telemetry: Telemetry, since: int, until: int, of: Callable[[dict], list[dict]]
) -> list[dict]:
    found = telemetry.errors(datetime.fromtimestamp(since / 1000, UTC), datetime.fromtimestamp(until / 1000, UTC))
    rows = [one for row in found if row["environment"] == "production" for one in of(row)]
    rows = [row for row in rows if since <= row["timestamp"] < until and _meets(row, parts.get("WHERE"))]
    rows.sort(key=lambda row: row["timestamp"], reverse="ASC" not in parts.get("ORDER BY", "").upper())
    start = int(parts.get("OFFSET") or 0)
    names = [name.strip("` ") for name in parts["SELECT"].split(",")]
    page = rows[start : start + _limit(parts.get("LIMIT"))]
    return page if names == ["*"] else [{n: row[n] for n in names if n in row} for row in page]


def event(row: dict) -> dict:
    """A crash of the shop as a TransactionError; agents send the class and message, not the stack."""
    guid = digest_of(row)
    return {
        "timestamp": int(row["at"].timestamp() * 1000),
        "appName": row["service"],
        "transactionName": f"WebTransaction/{row['route']}",
        "error.class": row["exception"]["type"],
        "error.message": row["exception"]["message"],
        "error.expected": False,
        "guid": guid[:16],
        "traceId": trace_of(row),
        "host": "shop-1",
        "environment": row["environment"],
        "service.version": row["release"],
    }


def _spans(row: dict) -> list[dict]:
    """The spans of a crash, as agents send them."""
    return [_span(one) for one in spans_of(row)]


def _span(span: ShopSpan) -> dict:
    return {
        "timestamp": int(span.begin.timestamp() * 1000),
        "trace.id": span.trace,
        "guid": span.span,
        "parentId": span.parent or None,
        "appName": span.service,
        "name": span.name,
        "span.kind": span.kind,
        "duration.ms": (span.end - span.begin).total_seconds() * 1000,
        "peer.service": span.peer or None,
        "error.class": span.error or None,
        "error.message": span.message or None,
        "environment": "production",
    }


EVENTS: dict[str, Callable[[dict], list[dict]]] = {"TransactionError": lambda row: [event(row)], "Span": _spans}


def _meets(row: dict, where: str | None) -> bool:
    return not where or any(_condition(row, one.strip()) for one in re.split(r"\bOR\b", where))


def _condition(row: dict, where: str) -> bool:
    if listed := AMONG.fullmatch(where):
        return row.get(listed[1]) in re.findall(r"'([^']*)'", listed[2])
    found = CONDITION.fullmatch(where)
    if not found:
        raise NrqlError(f"cannot read the condition {where!r}")
    name, is_, constant, sign, text = found.groups()
    wanted = {"true": True, "false": False, "null": None}[constant.lower()] if is_ else text
    return (row.get(name) == wanted) == ((is_ or sign).upper() in ("IS", "="))


def _measures(parts: dict[str, str], telemetry: Telemetry, since: float, until: float) -> list[dict]:
    width = _width(parts.get("TIMESERIES"), until - since)
    faceted = parts.get("FACET", "").strip("` ") == "appName"
    groups: dict[tuple, list[dict]] = {}
    for service, at, bucket in telemetry.counted(since, until):
        slot = since + int((at - since) // width) * width
        groups.setdefault((service if faceted else "", slot), []).append(bucket)
    named = [_named(item) for item in _items(parts["SELECT"])]
    rows = []
    for (service, slot), buckets in sorted(groups.items()):
        row = {alias: _value(function, buckets) for function, alias in named}
        row |= {"facet": service, "appName": service} if faceted else {}
        row |= {"beginTimeSeconds": int(slot), "endTimeSeconds": int(slot + width)} if "TIMESERIES" in parts else {}
        rows.append(row)
    return rows


def _loads(parts: dict[str, str], telemetry: Telemetry, since: float, until: float) -> list[dict]:
    """The load of hosts by interval."""
    width, named = _width(parts.get("TIMESERIES"), until - since), [_named(item) for item in _items(parts["SELECT"])]
    if parts.get("FACET", "").strip("` ") != "hostname":
        raise NrqlError("samples of hosts are only simulated with FACET hostname")
    groups: dict[tuple[str, float], list[dict]] = {}
    for row in telemetry.hosts:
        if since <= row["at"] < until:
            groups.setdefault((row["host"], since + int((row["at"] - since) // width) * width), []).append(row)
    return [
        {alias: _load(function, rows) for function, alias in named}
        | {"facet": host, "hostname": host, "beginTimeSeconds": int(slot), "endTimeSeconds": int(slot + width)}
        for (host, slot), rows in sorted(groups.items())
    ]


def _load(function: str, rows: list[dict]) -> float | None:
    if not (found := LOADED.fullmatch(function)):
        raise NrqlError(f"unknown function {function!r}")
    values = [row[name] for row in rows if (name := found[2].removesuffix("Used")) in row]
    return None if not values else max(values) if found[1] == "max" else sum(values) / len(values)


def _width(text: str | None, span: float) -> float:
    if text is None:
        return max(span, 1)
    found = re.fullmatch(r"(\d+) (second|minute|hour|day)s?", text)
    if not found:
        raise NrqlError(f"cannot read TIMESERIES {text!r}")
    width = int(found[1]) * UNITS[found[2]]
    if span / width > 366:
        raise NrqlError("a TIMESERIES has at most 366 buckets")
    return width


def _items(text: str) -> list[str]:
    """The selection, split at commas outside brackets."""
    items, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            items.append("")
        else:
            items[-1] += char
    return [item.strip() for item in items]


def _named(item: str) -> tuple[str, str]:
    if (found := ALIAS.fullmatch(item)) is None:
        raise NrqlError(f"cannot read the selection {item!r}")
    return found[1], found[2] or found[1].split("(")[0]


def _value(function: str, buckets: list[dict]):
    if function.replace(" ", "") == "count(*)":
        return sum(b["requests"] for b in buckets)
    if FAILED.fullmatch(function):
        return sum(b["errors"] for b in buckets)
    if found := PERCENTILE.fullmatch(function):
        spent = sorted(d for b in buckets for d in b["durations"])
        return {found[1]: spent[min(len(spent) - 1, int(int(found[1]) / 100 * len(spent)))] / 1000}
    raise NrqlError(f"unknown function {function!r}")

"""What an alert is a symptom of: failing or slow requests, lost traffic, an endpoint that does not answer. Pure.

An alert shows that something fails, not what. Vendors word it in many ways, so a symptom is one word that all of
their wordings share.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.models import Kind, Record
from core.signals.grouping.masking import mask

SIGNS = (Kind.ALERT, Kind.METRIC)  # they show that something fails, not what
ERRORS, LATENCY, TRAFFIC, AVAILABILITY = "errors", "latency", "traffic", "availability"
WORDINGS = (  # the first match wins: "the uptime check failed" is no error rate
    (AVAILABILITY, r"health.?check|synthetic|uptime|unhealthy|unreachable|unavailable|availability|\bdown\b|heartbeat"),
    (LATENCY, r"latenc|response.?time|p\d\d(?!\d)|percentile|\bslow|duration|apdex"),
    (TRAFFIC, r"traffic|throughput|no (?:data|requests)|request.?count|requests? (?:fell|drop)"),
    (ERRORS, r"5\d\d|5xx|error|exception|fail|crash"),
)
SYMPTOMS = tuple((name, re.compile(wording, re.I)) for name, wording in WORDINGS)
RESOURCE = re.compile(r"\b(?:cpu|memory|disk|queue|connections?|pool|threads?|heap|swap|quota|certificate)\b", re.I)
MEASURED = {"error_rate": ERRORS, "errors": ERRORS, "p95_ms": LATENCY, "requests": TRAFFIC}
MONITOR = ("metric", "alarm_name", "alarm", "name", "query")
ROUTE = (
    "endpoint",
    "http.route",
    "route",
    "transaction",
    "transaction.name",
    "resource_name",
    "path",
    "url",
)
VERB = re.compile(r"^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+", re.I)
HOST = re.compile(r"^[a-z]+://[^/\s]+", re.I)
NAMED = re.compile(r"(?:^|\s)(/[A-Za-z][\w{}<>:*.~-]*(?:/[\w{}<>:*.~-]+)*)")
SPELLING = re.compile(r"[-_. /]+")
ENVIRONMENTS = frozenset({"prod", "production", "live", "service", "svc"})
LONGEST_NAME = 100  # characters of a service's name that are looked for in a text
READ = 300  # characters of a text that are read


def plain(service: str) -> frozenset[str]:
    """The words of a service's name: vendors spell ``shop-prod`` and ``shop`` for the same one."""
    return frozenset(SPELLING.split(service.lower())) - ENVIRONMENTS


def symptom(record: Record) -> str:
    """The symptom of an alert or anomaly; a resource by its name; empty if it cannot be told, and for other records."""
    if record.kind not in SIGNS:
        return ""
    if found := MEASURED.get(str(record.attributes.get("metric"))):
        return found
    name = " ".join([*_texts(record, MONITOR), record.title[:READ]])
    return _worded(name, record.service) or _worded(record.message[:READ], record.service)


def _worded(text: str, service: str) -> str:
    """The symptom that a text names. The name of the service is no symptom: "queue-worker", "error-mailer"."""
    text = _name(service).sub(" ", text) if service else text
    found = next((name for name, wording in SYMPTOMS if wording.search(text)), "")
    resource = None if found else RESOURCE.search(text)
    return resource[0].lower().rstrip("s") if resource else found


@lru_cache(maxsize=4096)
def _name(service: str) -> re.Pattern:
    """The service's name in any spelling."""
    parts = [re.escape(part) for part in SPELLING.split(service[:LONGEST_NAME].lower()) if part not in ENVIRONMENTS]
    return re.compile(rf"(?<!\w){'[-_. /]*'.join(parts)}(?!\w)", re.I)


def endpoint(record: Record) -> str:
    """The path of the endpoint that a record is about, without verb, host, query and numbers; else empty."""
    texts = [*_texts(record, ROUTE), *([str(record.crash.tags.get(n, "")) for n in ROUTE] if record.crash else ())]
    paths = (HOST.sub("", VERB.sub("", text.strip())) for text in texts)
    found = next((path for path in paths if path.startswith("/")), "")
    if not found and record.kind in SIGNS:
        named = NAMED.search(record.title[:READ])
        found = named[1] if named else ""
    return mask(found.partition("?")[0]).rstrip("/.,;:").lower()


def _texts(record: Record, names: tuple[str, ...]) -> list[str]:
    """The values of these attributes, or of labels, as texts."""
    labels = record.attributes.get("labels")
    known = {**labels, **record.attributes} if isinstance(labels, dict) else record.attributes
    return [str(known[name])[:READ] for name in names if isinstance(known.get(name), str | int)]

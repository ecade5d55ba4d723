"""OSV (osv.dev): the published vulnerabilities of packages, in the versions that a program names.

One batch of names and versions brings ids, page by page and each query with a token of its own; what is told to
people is then read id by id. Nothing but names and versions is sent. Answers are kept for a day. An answer that is
not understood is a fault, never "nothing is known". The databases behind OSV tell of one vulnerability under several
ids (GHSA-…, PYSEC-…, CVE-…): it is told once.
"""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable, Collection, Iterator
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from core.vendors.base import Check, Pin, VendorError, Vulnerability, understood
from core.vendors.http import Http

BATCH, PAGES = 1000, 20  # queries in one request, as OSV allows; pages of one query
DETAILS = 60  # advisories that are read for one review; more are named by their ids alone
KEPT, MOST = 24 * 3600.0, 20_000  # seconds that an answer is good for; answers kept
SHORT, LONGEST, ALIASES = 200, 100, 6  # characters of a summary, of a version or a score; other ids that are told
PROBE = ("pyyaml", "5.3.1")  # has CVE-2020-14343, permanently
WHERE = "OSV_URL: https://api.osv.dev, or the address of a mirror that speaks its protocol"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
VECTOR = re.compile(r"(?:CVSS:[34]\.\d/)?[A-Z]{1,3}:[A-Z](?:/[A-Z]{1,3}:[A-Z])*")
RATED = ("LOW", "MODERATE", "MEDIUM", "HIGH", "CRITICAL")
UNKNOWN = "returned an unknown format"


class Kept:
    """Answers for a bounded time."""

    def __init__(self, seconds: float, clock: Callable[[], float]):
        self.seconds, self.clock, self.held = seconds, clock, {}

    def get(self, key: Any) -> Any:
        """None: never asked, or too long ago."""
        until, value = self.held.get(key, (0.0, None))
        return value if self.clock() < until else None

    def put(self, key: Any, value: Any) -> Any:
        if len(self.held) >= MOST:
            self.held.clear()
        self.held[key] = (self.clock() + self.seconds, value)
        return value


class Osv:
    name = "osv"

    def __init__(self, http: Http, where: str = "", seconds: float = KEPT, clock: Callable[[], float] = time.monotonic):
        self.http, self.where, self.lock = http, where or http.base_url, threading.Lock()
        self.ids, self.rows = Kept(seconds, clock), Kept(seconds, clock)

    def known(self, pins: Collection[Pin]) -> dict[Pin, list[Vulnerability]]:
        """The vulnerabilities of each pin that has some. Raises VendorError.

        An advisory that cannot be read, or one too many, is there by its id alone.
        """
        with self.lock:  # the budget is one review's, and what the first has asked the second need not
            self.http.meter.begin()
            ids = self._ids(sorted(pins))
            rows = self._rows(list(dict.fromkeys(i for found in ids.values() for i in found)))
        told = {
            pin: merged([rows[i] for i in found if not rows[i].get("withdrawn")], pin) for pin, found in ids.items()
        }
        return {pin: found for pin, found in told.items() if found}

    def check(self) -> Check:
        """Asked of a version that has a vulnerability; a service that knows of none has no data."""
        try:
            found = self._asked([PROBE])[PROBE]
        except VendorError as error:
            return Check(False, error.message, WHERE)
        if not found:
            says = f"{self.where} reports no vulnerability of {' '.join(PROBE)}, which has one: its data is missing"
            return Check(False, says, WHERE)
        return Check(True, f"{self.where} checks the name and version of each dependency of a fix")

    def _ids(self, pins: list[Pin]) -> dict[Pin, tuple[str, ...]]:
        found = {pin: self.ids.get(pin) for pin in pins}
        fresh = [pin for pin, ids in found.items() if ids is None]
        for start in range(0, len(fresh), BATCH):
            for pin, ids in self._asked(fresh[start : start + BATCH]).items():
                found[pin] = self.ids.put(pin, tuple(ids))
        return found

    def _asked(self, pins: list[Pin]) -> dict[Pin, list[str]]:
        """Ids by pin, of all pages."""
        found: dict[Pin, list[str]] = {pin: [] for pin in pins}
        waiting = {pin: {"package": {"name": pin[0], "ecosystem": "PyPI"}, "version": pin[1]} for pin in pins}
        for _ in range(PAGES):
            answer = self.http.post("/v1/querybatch", idempotent=True, json={"queries": [*waiting.values()]})
            results = answer.rows("results")
            if len(results) != len(waiting):
                raise VendorError(self.name, f"answered {len(results)} of {len(waiting)} queries")
            waiting = dict(self._next(waiting, results, found))
            if not waiting:
                return found
        raise VendorError(self.name, f"gave more than {PAGES} pages")

    def _next(self, asked: dict[Pin, dict], results: list, found: dict[Pin, list[str]]) -> Iterator[tuple[Pin, dict]]:
        """Take the ids of a page; the queries that have another one."""
        for (pin, query), result in zip(asked.items(), results, strict=True):
            found[pin] += ids_of(result)
            token = result.get("next_page_token")
            if token and token == query.get("page_token"):
                raise VendorError(self.name, "gave the same page again")
            if token:
                yield pin, query | {"page_token": str(token)}

    def _rows(self, ids: list[str]) -> dict[str, dict]:
        """The advisories by id, from the first fault on, and from ``DETAILS`` on, by their ids alone."""
        rows, left = {}, DETAILS
        for one in ids:
            row = self.rows.get(one)
            if row is None and left:
                row, left = self._row(one, left - 1)
            rows[one] = row or {"id": one}
        return rows

    def _row(self, one: str, left: int) -> tuple[dict | None, int]:
        try:
            return self.rows.put(one, self.http.get(f"/v1/vulns/{one}").json() | {"id": one}), left
        except VendorError as error:
            return None, left if error.permanent else 0


# --- what its JSON says. Pure ------------------------------------------------------------------------


@understood("osv")
def ids_of(result: Any) -> list[str]:
    """The ids of one result. Raises VendorError for what is none."""
    rows = result.get("vulns") or [] if isinstance(result, dict) else None
    if not isinstance(rows, list):
        raise VendorError(Osv.name, UNKNOWN)
    told = [row.get("id") if isinstance(row, dict) else None for row in rows]
    ids = [one for one in told if isinstance(one, str) and ID.fullmatch(one)]
    if len(ids) < len(rows):
        raise VendorError(Osv.name, UNKNOWN)
    return ids


@understood("osv")
def merged(rows: list[dict], pin: Pin) -> list[Vulnerability]:
    """One for each vulnerability, however many databases tell of it."""
    groups: list[tuple[set[str], list[dict]]] = []
    first: dict[str, int] = {}  # by name, the first group that has it
    for row in rows:
        names = {row["id"], *_named(row.get("aliases"))}
        at = min((first[name] for name in names if name in first), default=len(groups))
        if at == len(groups):
            groups.append((set(), []))
        groups[at][0].update(names)
        groups[at][1].append(row)
        for name in names:
            first[name] = min(at, first.get(name, at))
    return [_one(names, group, pin) for names, group in groups]


def _one(names: set[str], rows: list[dict], pin: Pin) -> Vulnerability:
    rows = sorted(rows, key=lambda row: (not row["id"].startswith("GHSA-"), row["id"]))
    texts = [row.get(key) for key in ("summary", "details") for row in rows]
    return Vulnerability(
        id=rows[0]["id"],
        aliases=tuple(sorted(names - {rows[0]["id"]}))[:ALIASES],
        summary=next((told for text in texts if (told := plain(text))), ""),
        severity=max((rated for row in rows for rated in _rated(row)), key=_rank, default=""),
        fixed=_fixed(rows, pin),
    )


def _named(value: Any) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str) and ID.fullmatch(one)]


def _list(value: Any) -> list:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict:
    return value if isinstance(value, dict) else {}


def plain(text: Any, limit: int = SHORT) -> str:
    """One line without control, invisible or direction-changing characters."""
    told = text[: 20 * limit] if isinstance(text, str) else ""
    told = "".join(c for c in told if c.isspace() or unicodedata.category(c)[0] != "C")
    told = " ".join(told.split())
    return told if len(told) <= limit else told[: limit - 1] + "…"


def _rated(row: dict) -> Iterator[str]:
    """What the database calls it, or the vector of its score."""
    word = str(_dict(row.get("database_specific")).get("severity")).upper()
    if word in RATED:
        yield word
    for score in (str(_dict(one).get("score")) for one in _list(row.get("severity"))):
        if len(score) <= LONGEST and VECTOR.fullmatch(score):
            yield score


def _rank(rated: str) -> int:
    return RATED.index(rated) if rated in RATED else -1


def _fixed(rows: list[dict], pin: Pin) -> tuple[str, ...]:
    """Versions above the pinned one in which this package has the cure, lowest first."""
    affected = [_dict(a) for row in rows for a in _list(row.get("affected"))]
    mine = [a for a in affected if canonicalize_name(str(_dict(a.get("package")).get("name"))) == pin[0]]
    ranges = [r for a in mine for r in map(_dict, _list(a.get("ranges"))) if r.get("type") != "GIT"]
    found = {_version(_dict(event).get("fixed")) for r in ranges for event in _list(r.get("events"))}
    return tuple(str(v) for v in sorted(v for v in found if v and v > Version(pin[1])))


def _version(value: Any) -> Version | None:
    try:
        return Version(value) if isinstance(value, str) and len(value) <= LONGEST else None
    except InvalidVersion:
        return None

"""OSV (osv.dev): published vulnerabilities of packages in given versions.

One batch query of names and versions returns ids, with a page token for each query; the details for people are then
read id by id. Only names and versions are sent. Responses are cached for a day. A response that cannot be parsed is a
fault, never "no vulnerability". OSV's databases list one vulnerability under several ids (GHSA-…, PYSEC-…, CVE-…); it
is reported once.
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

from core.vendors.advisories import Pin, Vulnerability
from core.vendors.base import Check, VendorError, understood
from core.vendors.http import Http

BATCH, PAGES = 1000, 20  # queries in one request, as OSV allows; pages of one query
DETAILS = 60  # advisories whose details are read for one review; further ones are named only by their ids
KEPT, MOST = 24 * 3600.0, 20_000  # cache lifetime in seconds; cached responses
SHORT, LONGEST, ALIASES = 200, 100, 6  # characters of a summary, of a version or a score; reported aliases
PROBE = ("pyyaml", "5.3.1")  # has CVE-2020-14343, permanently
WHERE = "OSV_URL: https://api.osv.dev, or the address of a compatible mirror"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")
VECTOR = re.compile(r"(?:CVSS:[34]\.\d/)?[A-Z]{1,3}:[A-Z](?:/[A-Z]{1,3}:[A-Z])*")
RATED = ("LOW", "MODERATE", "MEDIUM", "HIGH", "CRITICAL")
UNKNOWN = "returned an unknown format"


class Kept:
    """A cache with a limited lifetime."""

    def __init__(self, seconds: float, clock: Callable[[], float]):
        self.seconds, self.clock, self.held = seconds, clock, {}

    def get(self, key: Any) -> Any:
        """The cached value; None if there is none or it is too old."""
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
        """The vulnerabilities of each affected pin. Raises VendorError.

        An advisory that cannot be read, or exceeds the limit, has only its id.
        """
        with self.lock:  # the budget is for one review; a second one can use the first one's cache
            self.http.meter.begin()
            ids = self._ids(sorted(pins))
            rows = self._rows(list(dict.fromkeys(i for found in ids.values() for i in found)))
        found_ids = {
            pin: merged([rows[i] for i in found if not rows[i].get("withdrawn")], pin) for pin, found in ids.items()
        }
        return {pin: found for pin, found in found_ids.items() if found}

    def check(self) -> Check:
        """Check with a version that is known to be vulnerable; a service that reports nothing has no data."""
        try:
            found = self._asked([PROBE])[PROBE]
        except VendorError as error:
            return Check(False, error.message, WHERE)
        if not found:
            message = f"{self.where} reports no vulnerability of {' '.join(PROBE)}, which has one: its data is missing"
            return Check(False, message, WHERE)
        return Check(True, f"{self.where} checks the name and version of each dependency of a fix")

    def _ids(self, pins: list[Pin]) -> dict[Pin, tuple[str, ...]]:
        found = {pin: self.ids.get(pin) for pin in pins}
        fresh = [pin for pin, ids in found.items() if ids is None]
        for start in range(0, len(fresh), BATCH):
            for pin, ids in self._asked(fresh[start : start + BATCH]).items():
                found[pin] = self.ids.put(pin, tuple(ids))
        return found

    def _asked(self, pins: list[Pin]) -> dict[Pin, list[str]]:
        """Pin -> ids, from all pages."""
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
        """Collect the ids of a page; returns the queries that have a next page."""
        for (pin, query), result in zip(asked.items(), results, strict=True):
            found[pin] += ids_of(result)
            token = result.get("next_page_token")
            if token and token == query.get("page_token"):
                raise VendorError(self.name, "gave the same page again")
            if token:
                yield pin, query | {"page_token": str(token)}

    def _rows(self, ids: list[str]) -> dict[str, dict]:
        """The advisories by id; after the first fault, and beyond ``DETAILS``, only with their ids."""
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


# --- parsing of its JSON. Pure -----------------------------------------------------------------------


@understood("osv")
def ids_of(result: Any) -> list[str]:
    """The ids of one result. Raises VendorError if it is invalid."""
    rows = result.get("vulns") or [] if isinstance(result, dict) else None
    if not isinstance(rows, list):
        raise VendorError(Osv.name, UNKNOWN)
    ids = [row.get("id") if isinstance(row, dict) else None for row in rows]
    ids = [one for one in ids if isinstance(one, str) and ID.fullmatch(one)]
    if len(ids) < len(rows):
        raise VendorError(Osv.name, UNKNOWN)
    return ids


@understood("osv")
def merged(rows: list[dict], pin: Pin) -> list[Vulnerability]:
    """One advisory for each vulnerability, even if several databases list it."""
    groups: list[tuple[set[str], list[dict]]] = []
    first: dict[str, int] = {}  # id or alias -> the first group that has it
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
        summary=next((words for text in texts if (words := plain(text))), ""),
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
    cleaned = text[: 20 * limit] if isinstance(text, str) else ""
    cleaned = "".join(c for c in cleaned if c.isspace() or unicodedata.category(c)[0] != "C")
    cleaned = " ".join(cleaned.split())
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def _rated(row: dict) -> Iterator[str]:
    """The database's severity, or the vector of the CVSS score."""
    word = str(_dict(row.get("database_specific")).get("severity")).upper()
    if word in RATED:
        yield word
    for score in (str(_dict(one).get("score")) for one in _list(row.get("severity"))):
        if len(score) <= LONGEST and VECTOR.fullmatch(score):
            yield score


def _rank(rated: str) -> int:
    return RATED.index(rated) if rated in RATED else -1


def _fixed(rows: list[dict], pin: Pin) -> tuple[str, ...]:
    """Fixed versions of this package above the pinned one, lowest first."""
    affected = [_dict(a) for row in rows for a in _list(row.get("affected"))]
    mine = [a for a in affected if canonicalize_name(str(_dict(a.get("package")).get("name"))) == pin[0]]
    found = {_version(_dict(event).get("fixed")) for a in mine for event in _events(a)}
    return tuple(map(str, sorted(v for v in found if v and v > Version(pin[1]))))


def _events(affected: dict) -> Iterator[Any]:
    """The events of its ranges of versions; those of commits name none."""
    for one in map(_dict, _list(affected.get("ranges"))):
        if one.get("type") != "GIT":
            yield from _list(one.get("events"))


def _version(value: Any) -> Version | None:
    try:
        return Version(value) if isinstance(value, str) and len(value) <= LONGEST else None
    except InvalidVersion:
        return None

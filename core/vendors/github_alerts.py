"""The open security alerts of a repository at GitHub: of Dependabot, and of code scanning.

``GET /repos/{owner}/{repo}/dependabot/alerts`` and ``GET /repos/{owner}/{repo}/code-scanning/alerts`` (REST, API
version 2022-11-28). A repository without these features answers 403 or 404: it has no alerts. An incomplete list is a
fault, because an alert that is missing from it counts as closed. All texts are untrusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.utils import canonicalize_name

from core.vendors.advisories import SecurityAlert
from core.vendors.base import VendorError, understood
from core.vendors.http import Http
from core.vendors.osv import plain

PAGES, PAGE = 20, 100
WITHOUT = (403, 404)  # the feature is off, or the token has no right to read its alerts; a rate limit passes
CWE = re.compile(r"(?i)(?:external/cwe/)?cwe-0*(\d{1,6})")
EQUAL = re.compile(r"(^|,)\s*=(?!=)")  # GitHub writes "= 1.0", Python "==1.0"
LONGEST = 500  # characters of a path or a rule


class GitHubAlerts:
    name = "github"

    def __init__(self, http: Http):
        self.http = http

    def open(self, repository: str) -> Iterator[SecurityAlert]:
        """Dependabot's alerts about Python packages, then those of code scanning. Raises VendorError."""
        self.http.meter.begin()
        for row in self._rows(f"/repos/{repository}/dependabot/alerts", {"ecosystem": "pip"}):
            if alert := of_package(row):
                yield alert
        for row in self._rows(f"/repos/{repository}/code-scanning/alerts", {}):
            if alert := of_line(row):
                yield alert

    def _rows(self, path: str, params: dict) -> Iterator[dict]:
        try:
            answer = self.http.get(path, params={"state": "open", "per_page": PAGE} | params)
        except VendorError as error:
            if error.status not in WITHOUT or not error.permanent:
                raise
            return
        for _ in range(PAGES):
            yield from answer.json(list)
            if not (link := answer.next_link()):
                return
            answer = self.http.get(link["url"])
        raise VendorError(self.name, f"has more than {PAGES * PAGE:,} open alerts in {path}", permanent=True)


@understood("github")
def of_package(row: dict) -> SecurityAlert | None:
    """A Dependabot alert; None if it is not about a Python package. Pure."""
    held, advisory = row["security_vulnerability"], row["security_advisory"]
    if str(held["package"]["ecosystem"]).lower() != "pip":
        return None
    ids = [advisory.get("ghsa_id"), advisory.get("cve_id"), *(one.get("value") for one in advisory["identifiers"])]
    patched = (held.get("first_patched_version") or {}).get("identifier")
    return SecurityAlert(
        source="dependabot",
        severity=str(held["severity"]),
        message=plain(advisory.get("summary")),
        url=str(row.get("html_url") or ""),
        package=canonicalize_name(str(held["package"]["name"])),
        range_=EQUAL.sub(r"\1==", str(held["vulnerable_version_range"])[:LONGEST]),
        ids=tuple(dict.fromkeys(str(one) for one in ids if one)),
        fixed=(str(patched),) if patched else (),
    )


@understood("github")
def of_line(row: dict) -> SecurityAlert | None:
    """A code scanning alert; None if its rule is none of security. Pure."""
    rule, instance = row["rule"], row["most_recent_instance"]
    tags = [str(tag) for tag in rule.get("tags") or []]
    severity = rule.get("security_severity_level")
    if not severity and "security" not in tags:
        return None
    weakness = next((int(found[1]) for tag in tags if (found := CWE.fullmatch(tag))), 0)
    return SecurityAlert(
        source="code scanning",
        severity=str(severity or "medium"),
        message=plain(instance.get("message", {}).get("text") or rule.get("description")),
        url=str(row.get("html_url") or ""),
        path=str(instance["location"]["path"])[:LONGEST],
        line=int(instance["location"]["start_line"]),
        rule=plain(rule["id"], LONGEST),
        cwe=weakness,
        sha=str(instance.get("commit_sha") or ""),
    )

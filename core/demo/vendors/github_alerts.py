"""GitHub's security alerts of the shop: Dependabot's, of what main pins and OSV's simulator knows; and code scanning's.

No code scanning runs in the demo; ``lines`` holds the alerts that a test writes itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.demo.vendors.github_issues import paged
from core.demo.vendors.osv import SimulatedOsv, affects

PIN = re.compile(r"(?m)^([A-Za-z0-9._-]+)==(\S+)")
WORDS = {"MODERATE": "medium"}


class SimulatedAlerts:
    """``text`` reads a file of the main branch; ``off``: neither feature is enabled, which GitHub answers with 403."""

    def __init__(self, text: Callable[[str], str], manifest: str = "requirements.txt"):
        self.text, self.manifest, self.known = text, manifest, SimulatedOsv().rows
        self.lines: list[dict] = []
        self.base, self.home, self.off = "", "", False  # the API, the repository in it

    def dependabot(self, request: Request, body: dict) -> Response:
        if self.off:
            return JSONResponse({"message": "Dependabot alerts are disabled for this repository."}, 403)
        return self._after(request, list(self._alerts()))

    def _after(self, request: Request, rows: list[dict]) -> Response:
        """A page of Dependabot's alerts, which are paged by a cursor."""
        asked = dict(request.query_params)
        size, begin = int(asked.get("per_page", 30)), int(asked.get("after", 0))
        url = f"{self.home}/dependabot/alerts?{urlencode(asked | {'after': begin + size})}"
        headers = {"Link": f'<{url}>; rel="next"'} if begin + size < len(rows) else {}
        return JSONResponse(rows[begin : begin + size], headers=headers)

    def code_scanning(self, request: Request, body: dict) -> Response:
        if self.off:
            return JSONResponse({"message": "Advanced Security must be enabled for this repository."}, 403)
        return paged(request, self.lines, self.base)

    def _alerts(self) -> Iterator[dict]:
        pins = PIN.findall(self.text(self.manifest))
        found = [(name, row) for name, version in pins for row in self.known.values() if affects(row, name, version)]
        listed = [(name, row) for name, row in found if row["id"].startswith("GHSA-")]
        for number, (name, row) in enumerate(listed, 1):
            yield self._alert(number, name, row)

    def _alert(self, number: int, name: str, row: dict) -> dict:
        word = str(row.get("database_specific", {}).get("severity", "HIGH"))
        severity, package = WORDS.get(word, word.lower()), {"ecosystem": "pip", "name": name}
        held = {"package": package, "severity": severity, **_range(row)}
        url, page = f"{self.home}/dependabot/alerts/{number}", f"{self.home}/security/dependabot/{number}"
        return {
            "number": number,
            "state": "open",
            "dependency": {"package": package, "manifest_path": self.manifest, "scope": "runtime"},
            "security_advisory": _advisory(row, severity, held),
            "security_vulnerability": held,
            "url": url,
            "html_url": page,
            "created_at": row["published"],
            "updated_at": row["modified"],
            "dismissed_at": None,
            "dismissed_by": None,
            "dismissed_reason": None,
            "dismissed_comment": None,
            "fixed_at": None,
        }


def _range(row: dict) -> dict:
    """GitHub's words for the first range of an advisory."""
    edges = {kind: edge for event in row["affected"][0]["ranges"][0]["events"] for kind, edge in event.items()}
    low, high = edges.get("introduced", "0"), edges.get("fixed", "")
    parts = [f">= {low}" if low != "0" else "", f"< {high}" if high else ""]
    patched = {"identifier": high} if high else None
    return {"vulnerable_version_range": ", ".join(filter(None, parts)) or ">= 0", "first_patched_version": patched}


def _advisory(row: dict, severity: str, held: dict) -> dict:
    aliases = row.get("aliases", [])
    cve = next((one for one in aliases if one.startswith("CVE-")), None)
    vector = next((one["score"] for one in row.get("severity", [])), None)
    return {
        "ghsa_id": row["id"],
        "cve_id": cve,
        "summary": row.get("summary", "A vulnerability"),
        "description": row.get("details") or row.get("summary", "A vulnerability"),
        "vulnerabilities": [held],
        "severity": severity,
        "cvss": {"vector_string": vector, "score": 0},
        "cwes": [],
        "identifiers": [{"type": "GHSA", "value": row["id"]}, *([{"type": "CVE", "value": cve}] if cve else [])],
        "references": [{"url": f"https://github.com/advisories/{row['id']}"}],
        "published_at": row["published"],
        "updated_at": row["modified"],
        "withdrawn_at": None,
    }

"""Vercel: preview from a commit, promotion of that very build, rollback by alias, verified.

API: POST /v13/deployments, GET /v13/deployments/{id}, GET /v6/deployments, POST /v1/projects/{p}/rollback/{d},
GET /v9/projects/{p}?rollbackInfo=true.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from core.vendors.base import Check, Deployed, VendorError
from core.vendors.http import Http

KEY = "platformKey"  # meta of our deployments: the idempotency key
ALIAS_SECONDS, POLL = 60.0, 0.5


class Vercel:
    name = "vercel"

    def __init__(self, http: Http, team: str = ""):
        self.http, self.team = http, team

    def _params(self, **more) -> dict:
        return more | ({"teamId": self.team} if self.team else {})

    def preview(self, project: str, github: str, ref: str, sha: str, key: str) -> Deployed:
        owner, repo = github.split("/")
        return self._create(
            project,
            key,
            {
                "name": project,
                "project": project,
                "meta": {KEY: key, "githubCommitSha": sha},
                "gitSource": {"type": "github", "org": owner, "repo": repo, "ref": ref, "sha": sha},
            },
        )

    def promote(self, project: str, preview_id: str, key: str) -> Deployed:
        return self._create(
            project,
            key,
            {
                "name": project,
                "project": project,
                "deploymentId": preview_id,
                "target": "production",
                "meta": {KEY: key},
            },
        )

    def _create(self, project: str, key: str, body: dict) -> Deployed:
        if found := self._find(project, key):
            return self.status(found)
        made = self.http.post("/v13/deployments", params=self._params(skipAutoDetectionConfirmation="1"), json=body)
        return self._shape(made.json())

    def _find(self, project: str, key: str) -> str | None:
        """The deployment that was made with this key, if any."""
        rows = self.http.get("/v6/deployments", params=self._params(app=project, limit=100)).json()
        return next(
            (row["uid"] for row in rows.get("deployments") or [] if (row.get("meta") or {}).get(KEY) == key),
            None,
        )

    def status(self, vendor_id: str) -> Deployed:
        return self._shape(self.http.get(f"/v13/deployments/{vendor_id}", params=self._params()).json())

    def production(self, project: str) -> Deployed | None:
        """What the production alias serves now."""
        row = self.http.get(f"/v9/projects/{project}", params=self._params(rollbackInfo="true")).json()
        live = (row.get("targets") or {}).get("production") or {}
        return self.status(live["id"]) if live.get("id") else None

    def rollback(self, project: str, to_vendor_id: str) -> Deployed:
        """Move the production alias; returns when the alias serves it. Raises VendorError when it never does."""
        self.http.post(f"/v1/projects/{project}/rollback/{to_vendor_id}", params=self._params(), idempotent=True)
        deadline = time.monotonic() + ALIAS_SECONDS
        while (live := self.production(project)) is None or live.vendor_id != to_vendor_id:
            if time.monotonic() > deadline:
                raise VendorError(self.name, f"the alias of {project} did not move to {to_vendor_id}", permanent=True)
            time.sleep(POLL)
        return live

    def check(self) -> Check:
        try:
            self.http.get("/v2/user")
        except VendorError as error:
            return Check(False, error.message, "VERCEL_TOKEN (Account Settings > Tokens) and VERCEL_TEAM_ID")
        return Check(True, "the token is accepted")

    def _shape(self, row: dict) -> Deployed:
        vendor_id = row.get("id") or row.get("uid") or ""
        host = str(row.get("url") or "")
        meta = row.get("meta") or {}
        sha = (row.get("gitSource") or {}).get("sha") or meta.get("githubCommitSha") or ""
        state = str(row.get("readyState") or row.get("state") or "QUEUED")
        return Deployed(vendor_id, f"{scheme(host)}://{host}", state, sha, str(row.get("errorMessage") or ""))


def scheme(host: str) -> str:
    """Vercel gives hosts without a scheme; only the sandbox's deployments on loopback speak plain HTTP."""
    return "http" if urlsplit(f"//{host}").hostname in ("127.0.0.1", "localhost") else "https"

"""Vercel: preview from a commit, production from the same build, rollback; aliases are verified, never assumed.

API: POST /v13/deployments, GET /v13/deployments/{id}, GET /v6/deployments, GET /v3/deployments/{id}/events,
GET /v9/projects/{p}?rollbackInfo=true, POST /v10/projects/{p}/promote/{d}, POST /v1/projects/{p}/rollback/{d},
GET and POST /v2/deployments/{id}/aliases, PATCH /v12/deployments/{id}/cancel, GET and POST /v10/projects/{p}/env;
Rolling Releases are in core/vendors/vercel_rolling.py.
After a rollback, Vercel assigns no domain to new production deployments until one is promoted; ``serve`` does that.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from core.models.counted import counted
from core.vendors.base import Check, Deployed, VendorError, understood
from core.vendors.http import Http
from core.vendors.vercel_rolling import RollingReleases
from core.vendors.vercel_variables import ProjectVariables

KEY = "platformKey"  # meta key of the platform's deployments with the idempotency key
ALIAS_SECONDS, POLL = 60.0, 0.5
PAGES = 10  # pages of 100 deployments in which a key is searched
LOG_LINES = 30
ENDED_BADLY = ("ERROR", "CANCELED", "BLOCKED")
WHERE = "VERCEL_TOKEN (vercel.com > Account Settings > Tokens) and VERCEL_TEAM_ID (team_… or the team's slug)"


class Vercel:
    name = "vercel"

    def __init__(self, http: Http, team: str = "", projects: Iterable[str] = ()):
        self.http, self.projects = http, tuple(projects)
        self.scope = {} if not team else {"teamId": team} if team.startswith("team_") else {"slug": team}
        self.rolling = RollingReleases(http, self.scope)
        self.variables = ProjectVariables(http, self.scope)

    def preview(self, project: str, github: str, ref: str, sha: str, key: str) -> Deployed:
        owner, slash, repo = github.partition("/")
        if not (owner and slash and repo):
            raise VendorError("vercel", 'a preview needs github = "OWNER/NAME" of the repository', permanent=True)
        source = {"type": "github", "org": owner, "repo": repo, "ref": ref, "sha": sha}
        meta = {KEY: key, "githubCommitSha": sha}
        return self._create(project, key, {"meta": meta, "gitSource": source})

    def promote(self, project: str, preview_id: str, key: str) -> Deployed:
        """A production deployment of exactly the source of the preview."""
        return self._create(
            project, key, {"deploymentId": preview_id, "target": "production", "meta": {KEY: key}}, target="production"
        )

    def _create(self, project: str, key: str, body: dict, **where: str) -> Deployed:
        """The deployment with the key, or a new one. If two workers created one each, the oldest is used."""
        made = self.with_key(project, key, **where) or self._new(project, key, body, **where)
        kept, *others = made
        for other in others:
            self.cancel(other.vendor_id)
        return self.status(kept.vendor_id)

    def _new(self, project: str, key: str, body: dict, **where: str) -> list[Deployed]:
        """Create a deployment; returns all deployments with its key."""
        body = {"name": project, "project": project, **body}
        params = {"skipAutoDetectionConfirmation": "1", **self.scope}
        new = deployed(self.http.post("/v13/deployments", params=params, json=body).json())
        made = self.with_key(project, key, **where)
        return made if new.vendor_id in {one.vendor_id for one in made} else [*made, new]  # a list may lag behind

    def with_key(self, project: str, key: str, **where: str) -> list[Deployed]:
        """Deployments with this key, oldest first."""
        rows = [row for row in self._listed(app=project, **where) if (row.get("meta") or {}).get(KEY) == key]
        return [deployed(row) for row in reversed(rows)]

    def cancel(self, vendor_id: str) -> None:
        """Stop an unfinished deployment. For a finished one Vercel refuses this, which is not a fault."""
        try:
            self.http.request("PATCH", f"/v12/deployments/{vendor_id}/cancel", params=self.scope)
        except VendorError:
            if self.status(vendor_id).state not in ("READY", *ENDED_BADLY):
                raise

    def _listed(self, **where: str) -> Iterator[dict]:
        """Deployments, newest first; ``until`` requests the next page."""
        params = {"limit": 100, **where, **self.scope}
        for _ in range(PAGES):
            page = self.http.get("/v6/deployments", params=params).json()
            yield from page.get("deployments") or []
            following = (page.get("pagination") or {}).get("next")
            if not following or following == params.get("until"):
                return
            params["until"] = following

    def status(self, vendor_id: str) -> Deployed:
        """The deployment's current state; the note of a failed one contains the end of its build log."""
        return self._shape(self._deployment(vendor_id))

    def _deployment(self, vendor_id: str) -> dict:
        return self.http.get(f"/v13/deployments/{vendor_id}", params=self.scope).json()

    def _shape(self, row: dict) -> Deployed:
        made = deployed(row)
        if made.state not in ENDED_BADLY:
            return made
        note = "\n".join(filter(None, [made.note, self._log_tail(made.vendor_id)]))
        return Deployed(made.vendor_id, made.url, made.state, made.sha, self.http.redact(note)[-2000:])

    def _log_tail(self, vendor_id: str) -> str:
        try:
            rows = self.http.get(f"/v3/deployments/{vendor_id}/events", params={"limit": -1, **self.scope}).json(list)
        except VendorError as error:
            return f"(the build log is unavailable: {error.message})"
        return "\n".join([line for row in rows if (line := logged(row))][-LOG_LINES:])

    # --- production

    def production(self, project: str) -> Deployed | None:
        """The deployment of the production alias now."""
        details = self._project(project)
        if not (live := served(details)):
            return None
        row = self._deployment(live)
        return replace(self._shape(row), since=since(row, details))

    def _project(self, project: str) -> dict:
        return self.http.get(f"/v9/projects/{project}", params={"rollbackInfo": "true", **self.scope}).json()

    def serve(self, project: str, vendor_id: str) -> Deployed:
        """Make sure that production serves this deployment. Raises VendorError if it does not in time."""
        before = self._project(project)
        if served(before) != vendor_id and not self._settles(project, vendor_id):
            path = f"/v10/projects/{project}/promote/{vendor_id}"
            return self._move(project, vendor_id, path, before)
        return self._verified(project, vendor_id, before)

    def _settles(self, project: str, vendor_id: str) -> bool:
        """Wait until Vercel has assigned the domains of a new production deployment, soon after it is READY."""
        if self._project(project).get("autoAssignCustomDomains") is False:
            return False
        deadline = time.monotonic() + 10 * POLL
        while served(self._project(project)) != vendor_id:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL)
        return True

    def rollback(self, project: str, to_vendor_id: str) -> Deployed:
        """Move production's aliases back; returns when all serve it. Raises VendorError if one does not."""
        before = self._project(project)
        if served(before) == to_vendor_id:
            return self._verified(project, to_vendor_id, before)
        return self._move(project, to_vendor_id, f"/v1/projects/{project}/rollback/{to_vendor_id}", before)

    def abort(self, project: str, vendor_id: str, to_vendor_id: str) -> Deployed:
        """Abort the rolling release of a deployment, so that the earlier one serves all traffic again."""
        path = f"/v1/projects/{project}/rollback/{to_vendor_id}"
        made = self._move(project, to_vendor_id, path, self._project(project))
        deadline = time.monotonic() + ALIAS_SECONDS
        while self.rolling.active(project, vendor_id):
            if time.monotonic() > deadline:
                raise VendorError(self.name, f"{vendor_id} still serves a share after the rollback", permanent=True)
            time.sleep(POLL)
        return made

    def rehearse(self, project: str, new_vendor_id: str, old_vendor_id: str) -> None:
        """Rehearse a rollback with an alias of the platform: it moves to the new build and back to the old deployment.

        Production's aliases stay unchanged. Raises VendorError if the old deployment cannot take the traffic, or the
        alias does not move.
        """
        old = self._deployment(old_vendor_id)
        if (old.get("readyState"), old.get("target")) != ("READY", "production"):
            message = f"{old_vendor_id} is not a ready production deployment ({old.get('readyState')})"
            raise VendorError(self.name, message, permanent=True)
        for vendor_id in (new_vendor_id, old_vendor_id):
            self._point(rehearsal_alias(project, self.scope), vendor_id)

    def _point(self, alias: str, vendor_id: str) -> None:
        path = f"/v2/deployments/{vendor_id}/aliases"
        try:
            self.http.post(path, params=self.scope, json={"alias": alias}, idempotent=True)
        except VendorError as error:
            if error.status != 409:  # it may point there already
                raise
        deadline = time.monotonic() + ALIAS_SECONDS
        while alias not in self._aliases(vendor_id):
            if time.monotonic() > deadline:
                message = f"the alias {alias} did not move to {vendor_id} in {ALIAS_SECONDS:.0f} s"
                raise VendorError(self.name, message, permanent=True)
            time.sleep(POLL)

    def _aliases(self, vendor_id: str) -> set[str]:
        answer = self.http.get(f"/v2/deployments/{vendor_id}/aliases", params=self.scope).json()
        return {str(row.get("alias")) for row in answer.get("aliases") or []}

    def _move(self, project: str, vendor_id: str, path: str, before: dict) -> Deployed:
        self.http.post(path, params=self.scope, idempotent=True)
        asked_before = (before.get("lastAliasRequest") or {}).get("requestedAt")
        deadline = time.monotonic() + ALIAS_SECONDS
        while not moved(now := self._project(project), vendor_id, asked_before):
            if failed(now, vendor_id, asked_before):
                raise VendorError(self.name, f"the aliases did not move: {self._unmoved(project)}", permanent=True)
            if time.monotonic() > deadline:
                message = f"the alias of {project} did not move to {vendor_id} in {ALIAS_SECONDS:.0f} s"
                raise VendorError(self.name, message, permanent=True)
            time.sleep(POLL)
        return self._verified(project, vendor_id, before)

    def _unmoved(self, project: str) -> str:
        try:
            params = {"failedOnly": "true", **self.scope}
            rows = self.http.get(f"/v1/projects/{project}/promote/aliases", params=params).json().get("aliases") or []
        except VendorError as error:
            return error.message
        return ", ".join(f"{row.get('alias')} ({row.get('status')})" for row in rows) or "no reason given"

    def _verified(self, project: str, vendor_id: str, before: dict) -> Deployed:
        """Check that every earlier alias of production belongs to this deployment. Raises VendorError."""
        wanted = set(((before.get("targets") or {}).get("production") or {}).get("alias") or [])
        missing = wanted - self._aliases(vendor_id)
        if missing:
            message = f"{', '.join(sorted(missing))} of {project} do not serve {vendor_id} yet"
            raise VendorError(self.name, message, permanent=True)
        return self.status(vendor_id)

    # --- environment variables

    def configure(self, project: str, values: Mapping[str, str]) -> list[str]:
        """Set plain environment variables for previews and production; returns the names that changed."""
        path = f"/v10/projects/{project}/env"
        rows = self.http.get(path, params=self.scope).json().get("envs") or []
        known = {row.get("key"): row.get("value") for row in rows}
        changed = [name for name, value in values.items() if known.get(name) != value]
        for name in changed:
            body = {"key": name, "value": values[name], "type": "plain", "target": ["preview", "production"]}
            self.http.post(path, params={"upsert": "true", **self.scope}, json=body, idempotent=True)
        return changed

    def check(self) -> Check:
        project = ""
        try:
            self.http.get("/v2/user")
            for project in self.projects:
                self._project(project)
        except VendorError as error:
            lost = error.status == 404 and bool(project)
            where = "repositories.….vercel_project in platform.toml, or VERCEL_TEAM_ID if a team owns it"
            message = f"project {project}: {error.message}" if lost else error.message
            return Check(False, message, where if lost else WHERE)
        return Check(True, f"the token is accepted; {counted(len(self.projects), 'readable project')}")


# --- parsing of Vercel's JSON. Pure ------------------------------------------------------------------


@understood("vercel")
def deployed(row: dict) -> Deployed:
    """A deployment from the list (``uid``, ``state``) or from its details (``id``, ``readyState``)."""
    host, meta = str(row.get("url") or ""), row.get("meta") or {}
    sha = (row.get("gitSource") or {}).get("sha") or meta.get("githubCommitSha") or ""
    state = str(row.get("readyState") or row.get("state") or "QUEUED")
    vendor_id = str(row.get("id") or row.get("uid") or "")
    return Deployed(vendor_id, f"{scheme(host)}://{host}", state, sha, str(row.get("errorMessage") or ""))


@understood("vercel")
def since(row: dict, project: dict) -> datetime | None:
    """When a deployment began to serve production: when it was ready, or later promoted or rolled back to."""
    last = project.get("lastAliasRequest") or {}
    moved_to = last.get("requestedAt") if last.get("toDeploymentId") == row.get("id") else None
    times = [float(ms) for ms in (row.get("ready") or row.get("createdAt"), moved_to) if ms]
    return datetime.fromtimestamp(max(times) / 1000, UTC) if times else None


@understood("vercel")
def logged(row: dict) -> str:
    """The text of an event: ``payload.text`` or ``text``."""
    return str((row.get("payload") or {}).get("text") or row.get("text") or "").rstrip()


@understood("vercel")
def served(project: dict) -> str:
    """The id of the production alias's deployment; empty if there is none."""
    return str(((project.get("targets") or {}).get("production") or {}).get("id") or "")


def _job(project: dict, vendor_id: str, asked_before: float | None) -> str:
    """Status of the alias request for this deployment; empty until Vercel shows one newer than before."""
    last = project.get("lastAliasRequest") or {}
    newer = last.get("requestedAt") != asked_before
    return str(last.get("jobStatus")) if newer and last.get("toDeploymentId") == vendor_id else ""


@understood("vercel")
def moved(project: dict, vendor_id: str, asked_before: float | None) -> bool:
    return served(project) == vendor_id and _job(project, vendor_id, asked_before) in ("succeeded", "")


@understood("vercel")
def failed(project: dict, vendor_id: str, asked_before: float | None) -> bool:
    return _job(project, vendor_id, asked_before) in ("failed", "skipped")


def rehearsal_alias(project: str, scope: Mapping[str, str]) -> str:
    """A domain that no other project has, for rehearsals of rollbacks."""
    digest = hashlib.sha256(f"{project} {sorted(scope.items())}".encode()).hexdigest()[:12]
    return f"{project.lower()[:30]}-rehearsal-{digest}.vercel.app"


def scheme(host: str) -> str:
    """The scheme of a host, which Vercel returns without one: http only for the demo's deployments on loopback."""
    return "http" if urlsplit(f"//{host}").hostname in ("127.0.0.1", "localhost") else "https"

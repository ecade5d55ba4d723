"""Vercel's Rolling Releases: a production deployment gets a share of the traffic, stage by stage.

API: GET /v1/projects/{p}/rolling-release/config, GET /v1/projects/{p}/rolling-release, POST .../start,
POST .../approve-stage, POST .../complete; a rollback to the earlier deployment aborts the active one. The stages are
settings of the project, which the platform reads but never changes.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.vendors.base import VendorError, understood
from core.vendors.http import Http

NAME = "vercel"
ALL = 100


class RollingReleases:
    """The rolling releases of one account. ``scope`` names the team in each request."""

    def __init__(self, http: Http, scope: Mapping[str, str]):
        self.http, self.scope = http, scope

    def stages(self, project: str) -> list[int]:
        """The shares, in percent, at which a new release waits for an approval; empty if the project has none."""
        return stages_of(self.http.get(f"{_path(project)}/config", params=self.scope).json())

    def share(self, project: str, vendor_id: str) -> int:
        """The percentage of production's traffic that the newest rolling release gives to this deployment."""
        return share_of(self._newest(project), vendor_id)

    def shift(self, project: str, vendor_id: str, share: int) -> int:
        """Start the rolling release of a deployment, or raise it to at least this share; returns the current share."""
        found = self._newest(project)
        if aborted(found, vendor_id):
            raise VendorError(NAME, f"the rolling release of {vendor_id} was aborted", permanent=True)
        if not concerns(found, vendor_id):
            found = self._asked(project, "start", vendor_id)
        if share >= ALL:
            return self._completed(project, vendor_id, found)
        while (reached := share_of(found, vendor_id)) < share:
            found = self._asked(project, "approve-stage", vendor_id, nextStageIndex=following(found))
            if share_of(found, vendor_id) <= reached:
                break  # Vercel is not done yet: the caller looks again
        return share_of(found, vendor_id)

    def _completed(self, project: str, vendor_id: str, found: Mapping) -> int:
        if share_of(found, vendor_id) < ALL:
            found = self._asked(project, "complete", vendor_id)
        return share_of(found, vendor_id)

    def active(self, project: str, vendor_id: str) -> bool:
        """Does a rolling release give this deployment a share of the traffic now?"""
        return 0 < self.share(project, vendor_id) < ALL

    def _newest(self, project: str) -> dict:
        return release_of(self.http.get(_path(project), params=self.scope).json())

    def _asked(self, project: str, what: str, vendor_id: str, **more: int) -> dict:
        """Request a change, and read the resulting state."""
        body = {"canaryDeploymentId": vendor_id, **more}
        self.http.post(f"{_path(project)}/{what}", params=self.scope, json=body, idempotent=True)
        return self._newest(project)


def _path(project: str) -> str:
    return f"/v1/projects/{project}/rolling-release"


# --- parsing of Vercel's JSON. Pure ------------------------------------------------------------------


@understood(NAME)
def release_of(body: Mapping) -> dict:
    return body.get("rollingRelease") or {}


@understood(NAME)
def stages_of(body: Mapping) -> list[int]:
    """The shares below 100 of a configuration. Raises VendorError if a stage ends by time, without a judgement."""
    config = release_of(body)
    stages = [row for row in config.get("stages") or () if int(row["targetPercentage"]) < ALL]
    manual = config.get("advancementType") == "manual-approval"
    if any(not (manual or row.get("requireApproval")) for row in stages):
        raise VendorError(NAME, "a stage of the rolling release ends by time and not by an approval", permanent=True)
    return [int(row["targetPercentage"]) for row in stages]


@understood(NAME)
def concerns(found: Mapping, vendor_id: str) -> bool:
    return (found.get("canaryDeployment") or {}).get("id") == vendor_id


@understood(NAME)
def aborted(found: Mapping, vendor_id: str) -> bool:
    return found.get("state") == "ABORTED" and concerns(found, vendor_id)


@understood(NAME)
def share_of(found: Mapping, vendor_id: str) -> int:
    """The current share of the deployment in percent; 0 if another one is rolled out or it was aborted."""
    if not concerns(found, vendor_id) or found.get("state") not in ("ACTIVE", "COMPLETE"):
        return 0
    return ALL if found["state"] == "COMPLETE" else int((found.get("activeStage") or {}).get("targetPercentage") or 0)


@understood(NAME)
def following(found: Mapping) -> int:
    return int(found["nextStage"]["index"])

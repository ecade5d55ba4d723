"""What production serves according to the vendor, and whether another deployment contains a fix."""

from __future__ import annotations

from core.db import store
from core.models import ChangeSet, Deployment
from core.policy.services import Repository
from core.runtime import Runtime, connected
from core.stages import workspace
from core.vendors.base import Deployed, VendorError
from core.vendors.command import CommandError


def ask(rt: Runtime, row: Deployment) -> tuple[Deployed | None, str]:
    """(the deployment that serves production, the vendor's error); None if unknown."""
    deployer = connected(rt.deployer, "deployer")
    try:
        live = deployer.production(rt.policy.repositories[row.repository].vercel_project)
    except VendorError as error:
        return None, str(error)
    return live, "" if live else f"{deployer.name} names no deployment that serves production"


def young(rt: Runtime, repository: Repository) -> float:
    """Seconds until the live deployment has served long enough to be a baseline; 0 if unknown."""
    live = rt.deployer.production(repository.vercel_project) if rt.deployer and repository.vercel_project else None
    if live is None or live.since is None:
        return 0.0
    return max(0.0, rt.policy.watch.earliest - (store.time() - live.since).total_seconds())


def contains(rt: Runtime, row: Deployment, change: ChangeSet, live: Deployed) -> bool | None:
    """Does the live commit contain the fix, as an ancestor or as an equal patch? None if unknown."""
    if not live.sha:
        return None
    try:
        clone = workspace.clone_with(rt, row.repository, rt.policy.repositories[row.repository], change)
        (serving,) = clone.commits(live.sha)
        return clone.carries(serving, change.head_sha) if serving else None
    except CommandError:
        return None


def judged(rt: Runtime, row: Deployment, change: ChangeSet, live: Deployed) -> tuple[bool | None, str]:
    """(whether production contains the fix anyway, None if unknown; the sentence for people)."""
    found = contains(rt, row, change, live)
    what = {
        True: "which contains the fix",
        False: "which does not contain the fix",
        None: "but it is unknown whether its commit contains the fix",
    }[found]
    return (
        found,
        f"superseded: production serves {live.vendor_id} ({live.sha[:10] or 'unknown commit'}), {what}",
    )

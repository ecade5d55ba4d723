"""What production serves according to the vendor, and whether another deployment contains a fix."""

from __future__ import annotations

from core.db import store
from core.models import ChangeSet, Deployment
from core.runtime import Runtime
from core.stages import workspace
from core.stages.deliver import traffic, ways
from core.stages.workspace import Clone
from core.vendors.base import Deployed, VendorError
from core.vendors.command import CommandError


def ask(rt: Runtime, row: Deployment) -> tuple[Deployed | None, str]:
    """(the deployment that serves production, the vendor's error); None if unknown."""
    deliverer = ways.of(rt, row.repository)
    try:
        live = traffic.serving(deliverer, row, ways.order_of(row)) or deliverer.production()
    except VendorError as error:
        return None, str(error)
    return live, "" if live else f"{deliverer.name} names no deployment that serves production"


def _serving(rt: Runtime, name: str) -> Deployed | None:
    """What production serves, where the platform itself releases."""
    deliverer = ways.find(rt, name)
    return deliverer.production() if deliverer and deliverer.promotes else None


def base_of(rt: Runtime, name: str, found: Clone) -> str:
    """The commit to repair: the one that production runs, or the head of the main branch if that is unknown.

    Where people merge, it is always the head of the main branch, because the fix is merged into it.
    """
    main = f"refs/remotes/origin/{found.repository.branch}"
    live = _serving(rt, name)
    head, running = found.commits(main, live.sha if live and live.sha else main)
    return running or head or found.head(main)


def young(rt: Runtime, name: str) -> float:
    """Seconds until the live deployment has served long enough to be a baseline; 0 if unknown."""
    live = _serving(rt, name)
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
        merged = row.judged.get("merged", {}).get("sha")  # where people merge, perhaps as another commit
        if serving and merged and clone.contains(serving, merged):
            return True
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

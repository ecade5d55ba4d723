"""The way back: production serves again what it served before a deployment."""

from __future__ import annotations

import time
from dataclasses import dataclass

from core import store
from core.models import Deployment
from core.runtime import Runtime
from core.vendors.base import Deployed, VendorError

FINISHED = ("READY", "ERROR", "CANCELED", "BLOCKED")


@dataclass(frozen=True)
class Restored:
    """``status`` is the row's: rolled_back, or superseded when production serves another deployment."""

    status: str
    says: str


def made(rt: Runtime, row: Deployment) -> list[Deployed]:
    """All that was created for this row: two workers, or a lost answer, may have made more than the row knows."""
    return rt.deployer.with_key(_project(rt, row), row.key)


def _project(rt: Runtime, row: Deployment) -> str:
    return rt.policy.repositories[row.repository].vercel_project


def restore(rt: Runtime, row: Deployment) -> Restored:
    """Move production back to ``row.previous_vendor_id``, whichever deployment of this row it serves.

    One that is still being built is cancelled first: it would take production over when it is finished.
    """
    project, found = _project(rt, row), made(rt, row)
    for one in found:
        if one.state not in FINISHED:
            rt.deployer.cancel(one.vendor_id)
    live = rt.deployer.production(project)
    if live and live.vendor_id == row.previous_vendor_id:
        return Restored("rolled_back", f"production already serves {row.previous_vendor_id}")
    if live and live.vendor_id not in {row.vendor_id, *(one.vendor_id for one in found)}:
        return Restored("superseded", f"production was left alone: it serves the newer deployment {live.vendor_id}")
    if not row.previous_vendor_id:
        raise VendorError(rt.deployer.name, "there is no earlier deployment to return to", permanent=True)
    begun = time.monotonic()
    rt.deployer.rollback(project, row.previous_vendor_id)
    _seen(rt, project, row.previous_vendor_id)
    with store.write() as session:  # the next question for approval tells how long a way back takes
        session.get_one(Deployment, row.id).rollback_seconds = time.monotonic() - begun
    return Restored("rolled_back", f"rolled back to {row.previous_vendor_id}")


def _seen(rt: Runtime, project: str, vendor_id: str) -> None:
    """Raises VendorError unless production serves this deployment."""
    live = rt.deployer.production(project)
    if live is None or live.vendor_id != vendor_id:
        says = f"production serves {live.vendor_id if live else 'nothing'} after the rollback to {vendor_id}"
        raise VendorError(rt.deployer.name, says)

"""The rehearsal of a rollback: before production changes, the rollback is tried and timed.

``Deployment.judged["rehearsal"]`` holds ``ok`` (None where the way to production cannot try it), ``says``, and
``seconds``. A rehearsal that failed keeps the release from production, until a person releases it anyway.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from sqlmodel import Session, col, select

from core.db import store
from core.models import Approval, ChangeSet, Deployment
from core.stages.deliver.release_words import REHEARSAL
from core.stages.workspace import Clone
from core.vendors.base import VendorError
from core.vendors.command import CommandError, Unreachable
from core.vendors.delivery.types import Deliverer, ReleaseOrder, RollbackTrial

log = logging.getLogger(__name__)
KEPT_BACK = "kept_back"  # key in Deployment.judged: nothing was deployed, but a person may release it anyway
ANYWAY = "Release this patch anyway"  # the text of an approval that overrides a failed rehearsal


def run(deliverer: Deliverer, row: Deployment, order: ReleaseOrder) -> Deployment:
    """Rehearse once, and again after a failure. Raises VendorError when the vendor does not respond."""
    if row.judged.get(REHEARSAL, {}).get("ok") is not False and REHEARSAL in row.judged:
        return row
    if order.previous:
        trial = timed(lambda: deliverer.rehearse(order))
    else:
        trial = _result(RollbackTrial(False, "production serves no deployment that a rollback could restore"), 0.0)
    with store.write() as session:
        kept = session.get_one(Deployment, row.id)
        kept.judged = {**kept.judged, REHEARSAL: trial}
    return kept


def timed(work: Callable[[], RollbackTrial]) -> dict[str, Any]:
    begun = time.monotonic()
    try:
        found = work()
    except VendorError as error:
        if not error.permanent:
            raise
        return {"ok": False, "says": error.message, "seconds": time.monotonic() - begun}
    return _result(found, time.monotonic() - begun)


def _result(found: RollbackTrial, seconds: float) -> dict[str, Any]:
    return {"ok": True if found.done else None, "says": found.message, "seconds": seconds}


def refusal(session: Session, row: Deployment, change: ChangeSet) -> str:
    """Why the release must not go to production; empty if the rollback works or a person accepted the risk."""
    trial = row.judged.get(REHEARSAL, {})
    if trial.get("ok") is not False or _accepted(session, change):
        return ""
    return f"The rehearsal of the rollback failed: {trial['says']}. Fix it, or release this patch anyway"


def _accepted(session: Session, change: ChangeSet) -> bool:
    """Did a person release this patch anyway, after an earlier run held it back?"""
    approval = select(Approval.id).where(
        Approval.change_set_id == change.id, Approval.asks == ANYWAY, Approval.state == "approved"
    )
    earlier = (
        select(Deployment)
        .join(ChangeSet, col(ChangeSet.id) == Deployment.change_set_id)
        .where(
            ChangeSet.issue_id == change.issue_id,
            ChangeSet.run < change.run,
            ChangeSet.patch_hash == change.patch_hash,
            Deployment.environment == "production",
        )
    )
    kept_back = any(row.judged.get(KEPT_BACK) for row in session.exec(earlier))
    return kept_back and session.exec(approval).first() is not None


# --- where people merge --------------------------------------------------------------------------


def of_merge(found: Clone, change: ChangeSet) -> dict[str, Any]:
    """Merge the change onto the main branch and revert it, in the sandbox; nothing is pushed."""
    return timed(lambda: _reverted(found, change))


def _reverted(found: Clone, change: ChangeSet) -> RollbackTrial:
    try:
        clean = found.reverts(change)
    except Unreachable:
        raise
    except CommandError as error:
        log.info("the change %s does not apply to the main branch: %s", change.id, error)
        clean = False
    if not clean:
        message = f"the merge and its revert do not apply to {found.repository.branch}"
        raise VendorError("git", message, permanent=True)
    return RollbackTrial(True, f"the revert applies to {found.repository.branch}")

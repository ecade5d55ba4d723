"""Shares of traffic: the progress of a release from its first share to all of production.

``Deployment.judged["traffic"]`` holds: the policy's ``steps`` (percent) when the release began; the ``share`` (percent)
that it should serve now; ``asked`` and ``since``, when that share was requested and first served; ``begun``, when the
first share was served; and ``all``, when it began to serve everything. A share is requested again until the target
serves it, so that a process can be killed at any point.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from core.db import store
from core.models import Deployment
from core.policy.services import Repository
from core.stages.deliver.release_words import TRAFFIC
from core.vendors.base import Deployed
from core.vendors.delivery.types import Deliverer, ReleaseOrder, Stepwise

ALL = 100  # percent


def planned(repository: Repository) -> dict[str, Any]:
    """The initial value of the row before the release; empty if the release serves all traffic at once."""
    return {TRAFFIC: {"steps": repository.steps, "share": repository.steps[0]}} if repository.steps else {}


def of(row: Deployment) -> dict[str, Any]:
    return row.judged.get(TRAFFIC, {})


def steps(row: Deployment) -> tuple[int, ...]:
    return tuple(of(row).get("steps", ()))


def partly(row: Deployment) -> bool:
    """Does the release still go through its steps?"""
    return bool(steps(row)) and not of(row).get("all")


def begun(row: Deployment) -> datetime | None:
    """When a release that serves everything now served its first share."""
    stored = of(row)
    return datetime.fromisoformat(stored["begun"]) if stored.get("all") and stored.get("begun") else None


def following(row: Deployment) -> int:
    """The share after the current one, in percent."""
    return next(share for share in (*steps(row), ALL) if share > of(row)["share"])


def keep(row: Deployment, **values: Any) -> Deployment:
    """Store values of the row's traffic, and with ``all`` the time from which the release is watched."""
    with store.write() as session:
        kept = session.get_one(Deployment, row.id)
        kept.judged = {**kept.judged, TRAFFIC: {**of(kept), **values}}
        if values.get("all"):
            kept.ready_at = datetime.fromisoformat(values["all"])
    return kept


# --- the target ----------------------------------------------------------------------------------


def accepted(deliverer: Deliverer, order: ReleaseOrder) -> None:
    """Raises a permanent VendorError if the target does not support the steps of the order."""
    if order.steps:
        _stepwise(deliverer).accepts(order)


def shifted(deliverer: Deliverer, order: ReleaseOrder, share: int) -> int:
    """Request a share in percent; returns the share that the release serves now."""
    return _stepwise(deliverer).shift(order, share)


def serving(deliverer: Deliverer, row: Deployment, order: ReleaseOrder) -> Deployed | None:
    """The release itself while it serves a share of production; None when it serves none, or all."""
    if not partly(row) or not order.vendor_id or not _stepwise(deliverer).share(order):
        return None
    return Deployed(order.vendor_id, row.url, "READY", row.sha)


def _stepwise(deliverer: Deliverer) -> Stepwise:
    return cast(Stepwise, deliverer)

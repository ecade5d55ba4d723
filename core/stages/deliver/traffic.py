"""Shares of traffic: how far a release has come on its way from a first share to all of production.

``Deployment.judged["traffic"]`` holds it: the ``steps`` of the policy when the release began, the ``share`` that it is
to serve now, ``asked`` and ``since`` when it was asked for and served that, ``begun`` when it served the first one, and
``all`` once it serves everything. A share is asked for again until the target serves it, so that a process may be
killed anywhere.
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
    """What the row keeps before the release; nothing where it serves all of the traffic at once."""
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
    told = of(row)
    return datetime.fromisoformat(told["begun"]) if told.get("all") and told.get("begun") else None


def following(row: Deployment) -> int:
    """The share after the one of now."""
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
    """Raises a permanent VendorError where the target cannot go through the order's steps."""
    if order.steps:
        _stepwise(deliverer).accepts(order)


def shifted(deliverer: Deliverer, order: ReleaseOrder, share: int) -> int:
    """Ask for a share; returns what the release serves by now."""
    return _stepwise(deliverer).shift(order, share)


def serving(deliverer: Deliverer, row: Deployment, order: ReleaseOrder) -> Deployed | None:
    """The release itself while it serves a share of production; None when it serves none, or all."""
    if not partly(row) or not order.vendor_id or not _stepwise(deliverer).share(order):
        return None
    return Deployed(order.vendor_id, row.url, "READY", row.sha)


def _stepwise(deliverer: Deliverer) -> Stepwise:
    return cast(Stepwise, deliverer)

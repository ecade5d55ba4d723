"""Rollback: make production serve what it served before a deployment."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from core.audit import effects
from core.db import store
from core.models import Deployment
from core.runtime import Runtime
from core.stages.context import StepContext
from core.stages.deliver import reverting, traffic, ways
from core.stages.deliver.reverting import Restored
from core.stages.deliver.rows import newest
from core.stages.results import Wait
from core.vendors.base import Deployed, VendorError
from core.vendors.delivery.types import FINISHED, Deliverer, ReleaseOrder

BEGUN = "rollback_begun"  # key in Deployment.judged: the vendor was asked to roll back
SETTLED, EVERY = 300.0, 15.0  # seconds: how long, and how often, a late move of production is looked for


def made(rt: Runtime, row: Deployment) -> list[Deployed]:
    """Every deployment that was created for this row; two workers or a lost response may have created several."""
    return ways.of(rt, row.repository).with_key(ways.order_of(row))


def restore(rt: Runtime, row: Deployment) -> Restored:
    """Move production back to ``row.previous_vendor_id``, whichever deployment of this row it serves.

    A deployment that is still being built is cancelled first: once finished, it would take over production.
    """
    deliverer = ways.of(rt, row.repository)
    if not deliverer.promotes:
        return reverting.propose(rt, row)
    order = ways.order_of(row)
    found = deliverer.with_key(order)
    _cancel(deliverer, found)
    order = _identified(order, found)
    live = traffic.serving(deliverer, row, order) or deliverer.production()
    if live and live.vendor_id == row.previous_vendor_id:
        return _served_already(row, late=bool(found))
    if live and live.vendor_id not in {row.vendor_id, *(one.vendor_id for one in found)}:
        return Restored("superseded", f"production was left unchanged: it serves the newer deployment {live.vendor_id}")
    if not row.previous_vendor_id:
        raise VendorError(deliverer.name, "there is no earlier deployment to roll back to", permanent=True)
    return _rolled_back(row, deliverer, order)


def _cancel(deliverer: Deliverer, found: Sequence[Deployed]) -> None:
    for one in found:
        if one.state not in FINISHED:
            deliverer.cancel(one)


def _identified(order: ReleaseOrder, found: Sequence[Deployed]) -> ReleaseOrder:
    """The order with the id that a process which died had not stored."""
    return replace(order, vendor_id=found[0].vendor_id) if found and not order.vendor_id else order


def _served_already(row: Deployment, late: bool) -> Restored:
    if row.judged.get(BEGUN):  # the process died between the rollback and its audit row
        _audit(row)
    return Restored("rolled_back", f"production already serves {row.previous_vendor_id}", late=late)


def _rolled_back(row: Deployment, deliverer: Deliverer, order: ReleaseOrder) -> Restored:
    """Ask the vendor, and audit what it did. The mark comes first, so that a lost answer is audited later."""
    before = _mark_begun(row, True)
    begun = time.monotonic()
    try:
        deliverer.rollback(order)
        _seen(deliverer, row.previous_vendor_id)
    except VendorError as error:
        if error.permanent:  # refused
            _mark_begun(row, before)
        raise
    with store.write() as session:  # the next approval shows how long a rollback takes
        session.get_one(Deployment, row.id).rollback_seconds = time.monotonic() - begun
    _audit(row)
    return Restored("rolled_back", f"rolled back to {row.previous_vendor_id}")


def _mark_begun(row: Deployment, begun: bool) -> bool:
    """Set the mark, or remove it; returns whether it was set before."""
    with store.write() as session:
        kept = session.get_one(Deployment, row.id)
        before = BEGUN in kept.judged
        others = {name: value for name, value in kept.judged.items() if name != BEGUN}
        kept.judged = {**others, BEGUN: True} if begun else others
    return before


def _audit(row: Deployment) -> None:
    moved = {"from": row.vendor_id, "to": row.previous_vendor_id, "repository": row.repository}
    effects.of_issue(row.issue_id, "rollback", row.key, **moved)


def _seen(deliverer: Deliverer, vendor_id: str) -> None:
    """Raises VendorError unless production serves this deployment."""
    live = deliverer.production()
    if live is None or live.vendor_id != vendor_id:
        message = f"production serves {live.vendor_id if live else 'nothing'} after the rollback to {vendor_id}"
        raise VendorError(deliverer.name, message)


def settle(context: StepContext, change_id: int) -> Wait:
    """Seconds until the next check whether production moved to the deployment late; if it did, it is restored again.

    0 after five minutes: by then a vendor has finished any pending alias request.
    """
    rt = context.runtime
    with store.read() as session:
        row = newest(session, change_id)
        age = (store.clock(session) - row.ended_at).total_seconds() if row and row.ended_at else SETTLED
    if row is None or row.status not in ("rolled_back", "watching"):
        return Wait()
    live = ways.of(rt, row.repository).production()
    if live and live.vendor_id in {row.vendor_id, *(one.vendor_id for one in made(rt, row))}:
        _mark(row, "watching")
        _mark(row, restore(rt, row).status)
    return Wait(EVERY if age < SETTLED else 0.0)


def _mark(row: Deployment, status: str) -> None:
    with store.write() as session:
        session.get_one(Deployment, row.id).status = status

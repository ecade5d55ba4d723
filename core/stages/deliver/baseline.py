"""What is recorded before a release: what production serves, and how its services fare."""

from __future__ import annotations

from core.models import Deployment, now
from core.runtime import Runtime
from core.stages.deliver import rows, scene, success_checks, traffic
from core.vendors.base import Deployed
from core.vendors.delivery.types import Deliverer


def remember(rt: Runtime, deliverer: Deliverer, row: Deployment, name: str) -> Deployment:
    """The deployment that a rollback restores, and the health and success checks of the services before the release."""
    live = deliverer.production()
    services = sorted(scene.services_of(rt, name))
    before = scene.health_before(rt, services, now())
    return rows.update(
        row.key,
        previous_vendor_id=live.vendor_id if live else "",
        before={service: state.model_dump() for service, state in before.items()},
        judged={
            "before": success_checks.ask(rt, services, before),
            **_since(live),
            **traffic.planned(rt.policy.repositories[name]),
        },
    )


def _since(live: Deployed | None) -> dict:
    return {scene.REPLACED: live.since.isoformat()} if live and live.since else {}

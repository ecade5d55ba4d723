"""Who calls whom: the upstreams of platform.toml, and after them the calls that recent spans showed."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, col, select

from core.models import now
from core.models.inputs import ServiceCall
from core.policy.reader import Policy


def graph(session: Session, policy: Policy) -> dict[str, list[str]]:
    """The upstreams of each service of the policy, and of each service that was seen to call another."""
    found = {name: list(service.upstreams) for name, service in policy.services.items()}
    since = now() - timedelta(days=policy.inputs.edge_days)
    rows = session.exec(select(ServiceCall).where(ServiceCall.last_seen > since).order_by(col(ServiceCall.id)))
    for row in rows:
        known = found.setdefault(row.caller, [])
        if row.callee not in known:
            known.append(row.callee)
    return found

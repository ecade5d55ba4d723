"""Calls between services, from their spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from ipaddress import ip_address

from sqlmodel import Session, col, delete, select

from core.inputs.naming import known
from core.models import now
from core.models.inputs import ServiceCall, SpanLink
from core.models.traces import SpanRecord
from core.policy.reader import Policy

LINKS = 500  # spans of a request whose peer span is searched; a sample shows the calls as well as all spans
UNRESOLVED = timedelta(minutes=10)
SERVICE = 200  # characters of a name; an index takes no long entries
Call = tuple[str, str]  # caller, callee


def connect(session: Session, spans: Sequence[SpanRecord], policy: Policy) -> None:
    """Add the calls of spans whose two sides arrive in separate requests."""
    found: set[Call] = set()
    for span in spans[:LINKS]:
        if span.role == "client":
            found |= {(span.service, callee) for callee in _peer(span.peer, policy)}
            found |= _other_side(session, f"{span.trace}:{span.span}", caller=span.service)
        elif span.role == "server" and span.parent:
            found |= _other_side(session, f"{span.trace}:{span.parent}", callee=span.service)
    seen(session, found)


def within(spans: Sequence[SpanRecord], policy: Policy) -> set[Call]:
    """The calls of whole traces: a span whose parent is of another service, and the named peers. Pure."""
    owners = {(span.trace, span.span): span.service for span in spans}
    parents = ((owners.get((span.trace, span.parent), ""), span.service) for span in spans if span.parent)
    peers = ((span.service, name) for span in spans if span.role == "client" for name in _peer(span.peer, policy))
    return {*parents, *peers}


def seen(session: Session, calls: Iterable[Call]) -> None:
    """Store the calls between two different services as seen now."""
    for caller, callee in sorted({(caller[:SERVICE], callee[:SERVICE]) for caller, callee in calls}):
        if caller and callee and caller != callee:
            where = (ServiceCall.caller == caller, ServiceCall.callee == callee)
            row = session.exec(select(ServiceCall).where(*where)).first() or ServiceCall(caller=caller, callee=callee)
            row.last_seen = now()
            session.add(row)


def _peer(name: str, policy: Policy) -> list[str]:
    """The called service: the first label of the host name, unless the host is an IP address or this machine."""
    if not name or name == "localhost":
        return []
    try:
        ip_address(name)
    except ValueError:
        return [known(name, policy) or known(name.split(".")[0], policy) or name.lower()[:100]]
    return []


def _other_side(session: Session, key: str, **mine: str) -> set[Call]:
    link = session.get(SpanLink, key) or SpanLink(id=key)
    link.sqlmodel_update(mine)
    session.add(link)
    return {(link.caller, link.callee)} if link.caller and link.callee else set()


def prune(session: Session, policy: Policy) -> None:
    session.exec(delete(SpanLink).where(col(SpanLink.at) < now() - UNRESOLVED))
    forgotten = now() - timedelta(days=policy.inputs.edge_days)
    session.exec(delete(ServiceCall).where(col(ServiceCall.last_seen) < forgotten))

"""The services that an issue affects: those whose errors it holds. An alert about a service is no error of it."""

from __future__ import annotations

from sqlmodel import Session, col, select

from core.models import Issue, Signal
from core.signals.grouping.correlation import Landscape
from core.signals.grouping.symptoms import SIGNS, plain


def note(issue: Issue, signal: Signal, around: Landscape) -> None:
    """Add the service of a signal, unless it is only another spelling of a known one."""
    known = {plain(name) for name in issue.affected}
    if signal.service and signal.kind not in SIGNS and plain(signal.service) not in known:
        issue.affects(around.name(signal.service))


def lead(issue: Issue, service: str, around: Landscape) -> None:
    """An error that returns in a service with other code, after a fix, is fixed in that one's repository."""
    name = around.name(service)
    if name in issue.affected and name != issue.service and not around.same_code(name, issue.service):
        others = [one for one in issue.affected if one != name]
        issue.service, issue.also_affects = name, ""
        for one in others:
            issue.affects(one)


def recount(session: Session, issue: Issue) -> None:
    """The services by the issue's present signals. Where those of the first are gone, the next takes its place."""
    query = select(Signal.service).where(Signal.issue_id == issue.id, Signal.service != "").distinct()
    names = sorted(session.exec(query.where(col(Signal.kind).not_in(SIGNS))))
    spelled = {plain(name): name for name in reversed(issue.affected)}
    found = {plain(name): spelled.get(plain(name), name) for name in names}
    if issue.also_affects and plain(issue.service) not in found:
        issue.service = next((name for name in issue.affected if plain(name) in found), issue.service)
    issue.also_affects = ""
    for key, name in found.items():
        if key != plain(issue.service):
            issue.affects(name)

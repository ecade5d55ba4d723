"""The scan: each repository's findings, once a day and for each new commit of production, as signals.

One finding is one signal for as long as it lasts. A scan is claimed in the database, so that of several workers one
makes it; its cost is bounded by the policy's limits, and a turn scans one repository. A source that fails is noted,
shown with the connectors, and asked again in the next scan; its earlier findings count as open until then.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlmodel import Session

from core.db import store
from core.models import Connector, Record
from core.models.counted import counted
from core.models.security import SecurityScan
from core.policy.services import Repository
from core.repair.environment.discovery import discover, filled
from core.repair.environment.fault import EnvironmentFault
from core.runtime import Runtime
from core.signals.grouping.fingerprint import fingerprint
from core.signals.security.finding import SecurityFinding, record_of
from core.stages import collect, workspace
from core.stages.deliver import live
from core.stages.security import gone, sources
from core.stages.security.sources import Scanned
from core.stages.workspace import Clone
from core.vendors.base import Batch, VendorError
from core.vendors.command import CommandError

log = logging.getLogger(__name__)
NAME = "security scan"
CLAIM = timedelta(minutes=30)  # longest scan; then another worker may take it
FAULTS = (VendorError, CommandError, EnvironmentFault, OSError, ValueError)


def turn(rt: Runtime) -> str:
    """Scan the first repository that is due; returns its name, or an empty text."""
    if not rt.policy.security.enabled or rt.runner is None:
        return ""
    owned = {service.repository for service in rt.policy.services.values()}
    for name in sorted(owned):
        try:
            if _scan_if_due(rt, name, rt.policy.repositories[name]):
                return name
        except FAULTS as error:  # the repository or the vendor that serves production cannot be reached
            log.info("%s was not scanned: %s", name, error)
            with store.write() as session:
                _tell(session, rt, name, {"repository": str(error)})
    return ""


def _scan_if_due(rt: Runtime, name: str, repository: Repository) -> bool:
    found = workspace.clone(rt, name, repository)
    sha = live.base_of(rt, name, found)
    if not _claim(name, sha, rt.policy.security.every_hours):
        return False
    try:
        with workspace.tree(rt, found, f"security-{name}", sha) as root:
            findings, troubles = look(rt, _scanned(rt, name, repository, found, sha, root), _known(name))
        _keep(rt, name, sha, findings, troubles)
    finally:
        with store.write() as session:
            session.get_one(SecurityScan, name).claimed_until = None
    return True


def _claim(name: str, sha: str, hours: float) -> bool:
    """Claim the scan of a commit, unless it was scanned lately or another process does it now."""
    with store.write() as session:
        row, at = store.row_of(session, SecurityScan, repository=name), store.clock(session)
        fresh = row.sha == sha and row.at is not None and at - row.at < timedelta(hours=hours)
        if fresh or (row.claimed_until and row.claimed_until > at):
            return False
        row.claimed_until = at + CLAIM
        return True


def _scanned(rt: Runtime, name: str, repository: Repository, found: Clone, sha: str, root) -> Scanned:
    assert rt.runner is not None
    layout = discover(root, repository, rt.runner)
    return Scanned(name, filled(repository, layout), found, sha, root, rt.runner)


def _known(name: str) -> dict:
    with store.read() as session:
        return dict(session.get_one(SecurityScan, name).found)


Found = dict[str, list[SecurityFinding]]


def look(rt: Runtime, scanned: Scanned, known: Collection[str] = ()) -> tuple[Found, dict[str, str]]:
    """(the findings of each source that answered, why the others did not)."""
    findings: Found = {}
    troubles: dict[str, str] = {}
    for source, ask in sources.connected(rt, scanned.repository).items():
        try:
            findings[source] = sources.worst(list(ask(rt, scanned)), rt.policy.security.most_findings, known)
        except FAULTS as error:
            troubles[source] = str(error)[:500]
            log.info("%s found nothing out about %s: %s", source, scanned.name, error)
    return findings, troubles


def _keep(rt: Runtime, name: str, sha: str, findings: Found, troubles: dict[str, str]) -> None:
    """Store new findings as signals, and end the issues whose findings are gone."""
    now_open, records = _opened(rt, name, findings)
    with store.write() as session:  # first, so that a scan which is repeated dates its findings alike
        session.get_one(SecurityScan, name).found = now_open
    collect.keep(NAME, Batch(records))
    with store.write() as session:
        row = session.get_one(SecurityScan, name)
        row.sha, row.at, row.troubles = sha, store.clock(session), troubles
        gone.settle(session, rt.policy, name, _prints(now_open.values()))
        _tell(session, rt, name, troubles)


def _opened(rt: Runtime, name: str, findings: Found) -> tuple[dict[str, dict], list[Record]]:
    """(the findings that are open now, the records of those that were just seen)."""
    known, at, records = _known(name), store.time(), list[Record]()
    now_open = {k: v for k, v in known.items() if v.get("asked") not in findings}  # not asked: still open
    for source, found in findings.items():
        for one in found:
            since = datetime.fromisoformat(known[one.name]["since"]) if one.name in known else at
            made = record_of(one, sources.services_of(rt.policy, name, one), since)
            records += made
            print_ = fingerprint(made[0]).key
            now_open[one.name] = {"since": since.isoformat(), "print": print_, "asked": source}
    return now_open, records


def _prints(found: Iterable[dict]) -> set[str]:
    return {str(one["print"]) for one in found}


def _tell(session: Session, rt: Runtime, name: str, troubles: dict[str, str]) -> None:
    """Show the result with the connectors."""
    row, at = store.row_of(session, Connector, name=NAME), store.clock(session)
    row.last_attempt = at
    row.error = "; ".join(f"{name}: {source}: {why}" for source, why in sorted(troubles.items())) or None
    row.failures = row.failures + 1 if troubles else 0
    if not troubles:
        row.last_success = at
    scanned = session.get(SecurityScan, name)
    open_ = counted(len(scanned.found), "open finding") if scanned else "not scanned yet"
    row.note = f"{name}: {open_}"

"""The fix of a security finding, as the repair engine gives one: a candidate with its proof, or an escalation.

No fix of a finding is released without a person: the decision has a guard for it, and the change has no autonomy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from sqlmodel import Session, col, select

from core.db import store
from core.models import Cause, Issue, Kind, Signal
from core.repair.environment.fault import EnvironmentFault
from core.repair.judge.policy import matches
from core.repair.judge.precision import SECURITY
from core.repair.prove.older import compared, verdict
from core.repair.prove.proof import RERUNS, Tests, write
from core.repair.sandbox import checkout
from core.repair.types import Attempt, Candidate, Evidence, FixResult, Proof
from core.runtime import Runtime
from core.signals.security import upgrade as versions
from core.signals.security.finding import PACKAGE
from core.stages.ground import Ground
from core.stages.review import manifest_reader, manifests, vulnerabilities
from core.stages.security import pins, unsafe_lines, upgraded
from core.stages.security.bench import SecurityBench
from core.stages.security.pins import UnfitPin, Upgrade
from core.vendors.base import VendorError

TRIED = 3  # safe versions whose tests are run
SIGNALS = 50
Detail = Mapping[str, Any]


def repair(bench: SecurityBench, issue: Issue) -> FixResult:
    """The fix of an issue's finding. On "fix", the tree holds it, uncommitted."""
    with store.read() as session:
        kind, details = findings(session, issue.id)
    if not details:
        return _escalated("The finding has no details that a fix needs.", "Read the finding.")
    if kind != PACKAGE:
        return unsafe_lines.repair(bench, details)
    try:
        return _upgraded(bench, details)
    except (UnfitPin, EnvironmentFault) as reason:
        return _escalated(str(reason), "Upgrade it by hand.")
    except VendorError as error:
        return _escalated(f"The advisories could not be asked: {error.message}.", "Try again later.")


def findings(session: Session, issue_id: int) -> tuple[str, list[Detail]]:
    """(package or line, the details of the issue's findings, the newest first)."""
    rows = session.exec(
        select(Signal.attributes)
        .where(Signal.issue_id == issue_id, Signal.kind == Kind.SECURITY)
        .order_by(col(Signal.id).desc())
        .limit(SIGNALS)
    ).all()
    kind = str(rows[0].get("finding")) if rows else ""
    return kind, [row["details"] for row in rows if row.get("finding") == kind and isinstance(row.get("details"), dict)]


def _escalated(reason: str, step: str, attempts: tuple[Attempt, ...] = (), **more) -> FixResult:
    return FixResult("escalate", reason, Cause.SECURITY, step, attempts=attempts, final=True, **more)


# --- a vulnerable package -------------------------------------------------------------------------


def _upgraded(bench: SecurityBench, details: list[Detail]) -> FixResult:
    texts = manifests.texts(bench.tree, bench.code.repository.source)
    name, old = _pin(bench, texts, details)
    options = _safe(bench.rt, name, old, details)
    if not options:
        return _escalated(f"No version of {name} is known that no advisory covers.", f"Replace {name}.")
    before, attempts, fault = bench.tests(bench.code), list[Attempt](), None
    for new in options[:TRIED]:
        try:
            result = _tried(bench, texts, Upgrade(name, old, new), before)
        except EnvironmentFault as error:  # perhaps a later version can be installed
            fault, result = error, None
        if result and result.decision == "fix":
            return result
        attempts += [Attempt(result.candidate, result.reason)] if result and result.candidate else []
        checkout.start_over(bench.tree)
    if fault and not attempts:
        raise fault
    step = f"Adapt the program to {name} {' or '.join(options[:TRIED])}."
    return _escalated(attempts[-1].reason, step, tuple(attempts), candidate=attempts[-1].candidate)


def _pin(bench: SecurityBench, texts: Mapping[str, str], details: list[Detail]) -> tuple[str, str]:
    """The pin that the commit has now, of the package that the finding names. Raises UnfitPin."""
    name = canonicalize_name(str(details[0].get("package")))
    runner = bench.rt.runner
    assert runner is not None
    (read,) = manifest_reader.read([texts], runner)
    found = [pin for pin in vulnerabilities.public(read, bench.rt.policy.osv).pinned if pin[0] == name]
    named = {str(one.get("version")) for one in details}
    meant = [pin for pin in found if pin[1] in named]
    if not meant:
        raise UnfitPin(f"What production runs no longer pins {name} to {' or '.join(sorted(named))}.")
    if len({version for _, version in found}) > 1:
        raise UnfitPin(f"{name} is pinned to several versions: {', '.join(sorted(v for _, v in found))}.")
    return meant[0]


def _safe(rt: Runtime, name: str, old: str, details: list[Detail]) -> list[str]:
    """The safe versions, the smallest first. Raises VendorError, and UnfitPin where no service knows the advisories."""
    service = rt.advisories
    if service is None:
        raise UnfitPin(f"No advisory service is connected (OSV_URL), so no version of {name} is known to be safe.")
    known = service.known([(name, old)]).get((name, old), ())
    fixed = {str(one) for row in details for one in row.get("fixed") or []} | {v for one in known for v in one.fixed}

    def affected(asked: list[str]) -> dict[str, list[str]]:
        found = service.known([(name, version) for version in asked])
        return {pin[1]: [version for one in rows for version in one.fixed] for pin, rows in found.items()}

    return versions.safe(old, {version for version in fixed if _readable(version)}, affected)


def _readable(version: str) -> bool:
    try:
        return bool(Version(version))
    except InvalidVersion:
        return False


def _tried(bench: SecurityBench, texts: Mapping[str, str], upgrade: Upgrade, before: Tests) -> FixResult:
    """One safe version: edited, installed, and the service's tests run on it. Raises UnfitPin and EnvironmentFault."""
    rt = bench.rt
    assert rt.runner is not None
    new = pins.edited(texts, upgrade, lambda name, version: upgraded.hashes(rt, name, version))
    if kept := next((path for path in new for glob in bench.forbidden if matches(path, glob)), ""):
        raise UnfitPin(f"{upgrade.text}: the service forbids changes of {kept}.")
    pins.check(texts, new, upgrade, rt.runner)
    checkout.start_over(bench.tree)
    write(bench.tree, new)
    ground = upgraded.prepared(rt, bench.name, bench.code.repository, bench.root)
    there = upgraded.installed(ground.runner, upgrade.name, bench.tree)
    write(bench.tree, new)  # the build may have written into the checkout
    proof = _proof(bench, ground, upgrade, before, there)
    candidate = Candidate(
        upgraded.TEMPLATE,
        new,
        f"{upgrade.text}\nIt is the lowest version that no advisory covers.{_major(upgrade)}",
        (f"{rt.advisories.where if rt.advisories else 'the advisory service'} names no advisory for it",),
        Evidence.DOCUMENTED,
        generator=SECURITY,
    )
    reason = " ".join(proof.messages)
    checkout.start_over(bench.tree)
    if not proof.complete:
        return _escalated(reason, "Read the proof.", candidate=candidate, proof=proof)
    write(bench.tree, new)
    return FixResult("fix", "Proved.", Cause.SECURITY, candidate=candidate, proof=proof)


def _major(upgrade: Upgrade) -> str:
    if versions.major(upgrade.old) == versions.major(upgrade.new):
        return ""
    return " No safe version has the same major version, so its interface may have changed."


def _proof(bench: SecurityBench, ground: Ground, upgrade: Upgrade, before: Tests, there: str) -> Proof:
    """Advisories cover the old version and not the new one, it is installed, and the older tests pass on it."""
    right = there == upgrade.new or _readable(there) and Version(there) == Version(upgrade.new)
    messages = [
        f"An advisory covers {upgrade.name} {upgrade.old}, and none covers {upgrade.new}.",
        f"The environment that the new manifests describe has {upgrade.name} {there or 'in no version'}.",
        "The change is this pin alone, so that without it the advisory covers the package again.",
    ]
    if not right:
        return Proof(True, False, True, False, tuple(messages))
    passes, message = _older(bench, before, bench.tests(ground))
    return Proof(True, True, True, passes, (*messages, message))


def _older(bench: SecurityBench, before: Tests, after: Tests) -> tuple[bool, str]:
    """(whether the older tests pass on the new version, a sentence for people)."""
    if not (before.finished and after.finished):
        return False, "The service's tests did not run to their end."
    if not after.results:
        return False, "The service has no tests."
    broken, _ = compared(before.results, after.results)
    return verdict(before.results, after.results, _flaky(bench, broken, before))


def _flaky(bench: SecurityBench, broken: list[str], before: Tests) -> set[str]:
    """Those of the broken tests that sometimes fail on the old version, too."""
    paths = tuple(sorted({name.partition("::")[0] for name in broken if name in before.results}))
    found: set[str] = set()
    for _ in range(RERUNS if paths else 0):
        checkout.start_over(bench.tree)
        found |= {name for name, text in bench.tests(bench.code, paths).results.items() if text}
    return found & set(broken)

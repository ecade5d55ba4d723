"""One look at a released deployment: the live deployment, the judge's verdict, and the success checks' results.

Each look is stored in the deployment's row (``judged``, ``after``), for the next look and for the screen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.db import store
from core.models import ChangeSet, Deployment, Issue, Kind, ServiceHealth, recorded
from core.ops import notify
from core.policy.sections import Watch
from core.runtime import Runtime
from core.signals.release import Interval, Judgement, Scene, State
from core.signals.release_judge import PATIENCE, judge
from core.stages.deliver import live, rows, scene, success_checks
from core.stages.deliver.scene import Release
from core.vendors.base import Deployed

BAD = (State.HARM, State.UNCURED)
MOST_COUNTS = 20


@dataclass(frozen=True)
class WatchLook:
    """``live`` is the deployment that serves production, None if unknown; ``trouble`` is the vendors' error text."""

    release: Release
    at: datetime
    verdict: Judgement
    live: Deployed | None
    trouble: str = ""

    @property
    def elapsed(self) -> float:
        return self.release.seconds(self.at)

    @property
    def superseded(self) -> bool:
        return self.live is not None and self.live.vendor_id != self.release.row.vendor_id

    @property
    def bad(self) -> bool:
        """Must the release be rolled back? If a person kept it, an uncured fault is no reason any more."""
        kept = self.release.row.kept_by
        return self.verdict.state is State.HARM or (self.verdict.state is State.UNCURED and not kept)

    @property
    def message(self) -> str:
        return self.verdict.message + (f"; {self.trouble}" if self.trouble else "")


def take(rt: Runtime, issue_id: int, change_id: int) -> WatchLook:
    """Look once, and store the result in the deployment's row."""
    release, at, rules = _release(rt, issue_id, change_id), store.time(), rt.policy.watch
    serving, fault = live.ask(rt, release.row)
    troubles = [fault, scene.refresh(rt, release.since, at)]
    with store.read() as session:
        built = scene.build(session, rt, release, at)
    health = health_after(built)
    answers = success_checks.ask(rt, release.services, health)
    judged = release.row.judged
    before, last = judged.get("before", {}), judged.get("checks", {})
    harmful = success_checks.harm(before, last, answers)
    unmet = success_checks.unmet(success_checks.of(rt, release.services), before, answers)
    found = proved(judge(built, rules), release.issue.kind)
    verdict = again(found, judged.get("rates", ()))
    verdict = settled(verdict, built.elapsed, rules, harmful, [*filter(None, [fault]), *unmet])
    verdict = replace(verdict, rates=found.rates)
    seen = WatchLook(release, at, verdict, serving, "; ".join(filter(None, troubles)))
    _keep(seen, health, answers)
    return seen


def again(verdict: Judgement, last: Sequence[str]) -> Judgement:
    """Harm that only a service's metrics show counts at the second consecutive look, when its reports are in. Pure.

    ``last`` are the services whose metrics showed harm at the previous look.
    """
    if verdict.state is not State.HARM or not verdict.rates or set(verdict.rates) & set(last):
        return verdict
    return replace(verdict, state=State.WATCHING)


def settled(
    verdict: Judgement, elapsed: float, rules: Watch, harmful: Sequence[str], unmet: Sequence[str]
) -> Judgement:
    """The judge's verdict and the success checks: a newly failing check is harm, an unmet one prevents success. Pure.

    Without traffic there is no success either: after twice the watch time, a person is asked.
    """
    if harmful and verdict.state not in BAD:
        return replace(verdict, state=State.HARM, message="; ".join(harmful))
    if verdict.state is State.UNEXERCISED:
        return replace(verdict, state=State.WATCHING if elapsed < rules.seconds * PATIENCE else State.UNSURE)
    if verdict.state is State.VERIFIED and unmet:
        state = State.WATCHING if elapsed < rules.seconds else State.UNSURE
        return replace(verdict, state=state, message="; ".join(unmet))
    return verdict


def proved(verdict: Judgement, kind: Kind) -> Judgement:
    """A security finding has no failures that would show its cure: a release without harm confirms its fix. Pure."""
    if kind is not Kind.SECURITY or verdict.state is not State.UNEXERCISED:
        return verdict
    return replace(
        verdict, state=State.VERIFIED, message="no harm; the fix of the finding was proved before the release"
    )


def _release(rt: Runtime, issue_id: int, change_id: int) -> Release:
    with store.read() as session:
        if (row := rows.newest(session, change_id)) is None:
            raise LookupError(f"change {change_id} was never deployed to production")
        issue, change = session.get_one(Issue, issue_id), session.get_one(ChangeSet, change_id)
    return Release(issue, change, row, scene.services_of(rt, row.repository))


def health_after(built: Scene) -> dict[str, ServiceHealth]:
    """The health of the services that run the build, since the release."""
    return {name: _summed([i for i in built.services.get(name, ()) if i.at >= 0]) for name in sorted(built.touched)}


def _summed(points: Sequence[Interval]) -> ServiceHealth:
    latencies = sorted(i.p95_ms for i in points if i.p95_ms is not None)
    return ServiceHealth(
        requests=sum(i.requests for i in points),
        errors=sum(i.errors for i in points),
        p95_ms=latencies[(len(latencies) - 1) // 2] if latencies else None,
        samples=len(points),
    )


def _keep(seen: WatchLook, health: Mapping[str, ServiceHealth], answers: Mapping[str, str]) -> None:
    verdict = seen.verdict
    with store.write() as session:
        row = session.get_one(Deployment, seen.release.row.id)
        row.after = {name: state.model_dump() for name, state in health.items()}
        row.judged = {
            **row.judged,
            "state": verdict.state,
            "says": seen.message,
            "counts": [recorded.plain(count) for count in verdict.counts[:MOST_COUNTS]],
            "checks": dict(answers),
            "rates": list(verdict.rates),
        }


def ask(seen: WatchLook) -> None:
    """Ask people, once a day, whether to keep the deployment."""
    release, today = seen.release, f"{seen.at:%Y%m%d}"
    with store.write() as session:
        row = session.get_one(Deployment, release.row.id)
        if row.judged.get("asked") == today:
            return
        row.judged = {**row.judged, "asked": today}
        message = f"Keep the deployment of {release.issue.where}, or roll it back: {seen.message}"
        notify.queue(session, "watch_unsure", release.issue, f"unsure-{row.key}-{today}", message)

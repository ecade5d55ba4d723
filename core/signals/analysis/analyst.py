"""The embedded analyst: root cause, severity and confidence from the evidence alone; no model, no network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.models import Cause, Frame, Kind, Record
from core.models.counted import counted
from core.signals.analysis import blame, causes, change_notes, host_pressure, severity, wording
from core.signals.analysis.blame import RankedSuspect
from core.signals.analysis.suspects import commit_of
from core.signals.analysis.types import Conclusion, IssueFacts, latency_rise
from core.signals.grouping import stack, symptoms
from core.signals.grouping.fingerprint import Fingerprint, fingerprint, operation

SIMPLE = {  # how small the fix of the failed operation usually is, 0..1
    "division": 1.0,
    "none-attribute": 0.95,
    "none-value": 0.95,
    "subscript": 0.95,
    "name": 0.95,
    "operand": 0.9,
    "parse": 0.9,
    "arguments": 0.85,
    "attribute": 0.85,
    "unpack": 0.85,
    "iteration": 0.9,
    "wrong-type": 0.85,
    "decode": 0.85,
    "import": 0.7,
    "recursion": 0.6,
}
OTHERWISE = 0.8  # any other operation
REVERTED = 0.8  # the revert of a commit whose files are not known
ENOUGH = 3  # occurrences
PULLS = 3  # open pull requests that are shown
PRESSED = 5  # metrics of hosts that are shown
FILES = 20  # files of a change that are shown
ORIGIN = 0.5  # share of the own excess from which another component is named as the origin


@dataclass(frozen=True)
class Case:
    """The evidence in one place: the most informative record, its fingerprint, and the counts."""

    evidence: IssueFacts
    fp: Fingerprint
    best: Record
    stacks: frozenset[tuple[str, ...]]
    occurrences: int
    suspects: Sequence[RankedSuspect]
    verdict: causes.CauseVerdict | None

    @property
    def frames(self) -> tuple[Frame, ...]:
        return self.fp.crash.frames if self.fp.crash else ()


class EmbeddedAnalyst:
    name = "embedded"

    def analyze(self, evidence: IssueFacts) -> Conclusion:
        """The finding; ``evidence.records`` may come from several vendors, in any order, and may be empty."""
        case = read(evidence)
        assessment = severity.assess(
            evidence.health,
            evidence.before,
            evidence.others,
            max((record.users for record in evidence.records), default=0),
            evidence.critical,
            evidence.impact,
            evidence.rules,
            evidence.noise_ms,
            evidence.share,
        )
        terms = _terms(case)
        cause, root_cause, next_step = _pressed(case, *_conclude(case))
        return Conclusion(
            analyst=self.name,
            root_cause=root_cause,
            cause=cause,
            severity=assessment.severity,
            impact=assessment.impact,
            confidence=round(min(0.99, sum(term["weight"] for term in terms)), 3),
            simplicity=_simplicity(case, cause),
            pattern=case.fp.pattern,
            culprit=_culprit(case, cause),
            next_step=next_step,
            evidence=[*terms, *_not_counted(case, assessment)],
        )


def read(evidence: IssueFacts) -> Case:
    """Combine the records; the one with the most frames and locals represents the issue."""
    records = sorted(evidence.records, key=lambda r: (r.at, r.source, r.vendor_id))
    pairs = [(fingerprint(record), record) for record in records]
    fp, best = max(pairs, key=lambda pair: _depth(pair[0])) if pairs else _title_alone(evidence)
    verdict = causes.classify(fp.crash) if fp.crash else None
    return Case(
        evidence,
        fp,
        best,
        frozenset(p.calls[-1:] for p, _ in pairs if p.calls),
        sum(max(r.count, r.crash.count if r.crash else 1) for r in records),
        _suspects(evidence, fp, records, verdict),
        verdict,
    )


_EPOCH = Record.model_validate(
    {"source": "", "vendor_id": "", "kind": "log", "at": "1970-01-01T00:00:00Z", "title": ""}
).at


def _title_alone(evidence: IssueFacts) -> tuple[Fingerprint, Record]:
    record = Record(source="", vendor_id="", kind=Kind.LOG, at=_EPOCH, title=evidence.title)
    return fingerprint(record), record


def _depth(fp: Fingerprint) -> tuple[int, int, int]:
    if not fp.crash:
        return (0, 0, 0)
    return (1, sum(bool(frame.locals) for frame in fp.crash.frames), len(fp.calls))


def _suspects(evidence: IssueFacts, fp: Fingerprint, records: Sequence[Record], verdict) -> list[RankedSuspect]:
    if not records:
        return []
    crash = fp.crash
    first = crash.first_seen if crash else None
    began = min(records[0].at, first) if first else records[0].at
    return blame.rank(
        service=evidence.service,
        began=began,
        changes=evidence.changes,
        calls=fp.calls,
        graph={evidence.service: evidence.upstreams},
        incident=None if fp.crash else evidence.incident,
        upstream=verdict.upstream if verdict and verdict.cause is Cause.UPSTREAM else "",
        ours=(evidence.service, *evidence.upstreams, *evidence.others),
        traces=evidence.traces,
    )


def _release(case: Case) -> RankedSuspect | None:
    likely = (s for s in case.suspects if s.kind == "release" and s.score >= 0.5)
    return next(likely, None)


def _origin(case: Case) -> str:
    """The sentence about a component other than the service itself that is the likeliest origin; else empty."""
    first = next((s for s in case.suspects if s.kind == "service"), None)
    if first is None or first.name == case.evidence.service or first.score < ORIGIN:
        return ""
    return f" The likeliest origin is {first.message}."


def _terms(case: Case) -> list[dict]:
    """The terms of the confidence. A bare log line stays below 0.5, a clean crash reaches 0.9."""
    records, release = case.evidence.records, _release(case)
    sources = sorted({*(record.source for record in records), *case.evidence.confirmed_by})
    slow = _is_slow(case)
    terms = (
        *_crash_terms(case),
        (case.occurrences >= ENOUGH, 0.10, f"it occurred {counted(case.occurrences, 'time')}"),
        (len(case.stacks) == 1, 0.05, "every stack ends at the same place"),
        (len(sources) > 1, 0.05, f"{len(sources)} sources agree: {', '.join(sources)}"),
        (bool(release), 0.05, release.message if release else ""),
        (slow, 0.20, _slow_says(case) if slow else ""),
        (slow and bool(release), 0.20, "a release came right before the slowdown"),
        (slow and _commit(release), 0.10, "the release names its commit, which can be compared and taken out"),
    )
    return [{"says": message, "weight": weight} for holds, weight, message in terms if holds]


def _crash_terms(case: Case) -> Iterator[tuple[bool, float, str]]:
    crash = case.fp.crash
    frames = crash.frames if crash else ()
    yield bool(crash), 0.25, f"the exception is known: {case.fp.type}"
    yield not crash and bool(case.evidence.records), 0.15, "there is a message without an exception"
    yield any(map(_is_own, frames)), 0.27, "the stack has frames of the program itself"
    yield _understood(case), 0.10, "the exception shows the kind of cause"
    yield any(frame.locals for frame in frames), 0.15, "the values of local variables are known"


def _is_own(frame: Frame) -> bool:
    return frame.in_app and not stack.is_outside(frame.file)


def _understood(case: Case) -> bool:
    return bool(case.verdict and case.verdict.cause is not Cause.UNKNOWN)


def _not_counted(case: Case, assessment: severity.Assessment) -> list[dict]:
    """Evidence for a person that does not count towards the confidence."""
    reasons = [f"severity and impact: {s['says']}" for s in assessment.reasons]
    suspects = [
        {"says": f"suspect ({s.kind}, {s.score:.2f}): {s.message}", "weight": 0} | _brought(s)
        for s in case.suspects[:3]
    ]
    reasons += [one.message for one in case.evidence.pressure[:PRESSED]]
    reasons += change_notes.pending(case.evidence.changes, {call.split(":")[0] for call in case.fp.calls})[:PULLS]
    past = [f"similar earlier issue: {text}" for text in case.evidence.past[:3]]
    return [*({"says": text, "weight": 0} for text in reasons), *suspects, *({"says": t, "weight": 0} for t in past)]


def _brought(suspect: RankedSuspect) -> dict:
    """The change behind a suspect, for the screen."""
    change = suspect.change
    if change is None:
        return {}
    files = change.attributes.get("files")
    return {
        "change": {
            "name": suspect.name,
            "title": change.title,
            "sha": commit_of(str(change.attributes.get("sha") or change.release or "")),
            "author": str(change.attributes.get("author") or ""),
            "at": change.at.isoformat(),
            "url": change.url,
            "files": [str(name) for name in files[:FILES]] if isinstance(files, list) else [],
            "score": suspect.score,
        }
    }


def _conclude(case: Case) -> tuple[Cause, str, str]:
    """(cause, root cause, next step)."""
    verdict, crash = case.verdict, case.fp.crash
    if verdict is None or crash is None:
        return _without_crash(case)
    word = operation(crash.model_copy(update={"exception": verdict.raised, "frames": verdict.frames}))
    sentence = wording.explain(verdict.raised, verdict.frames or crash.frames, word)
    if verdict.raised is not crash.exception:
        sentence += f" It surfaced as {crash.exception.type}: {crash.exception.message[:160]}."
    if verdict.cause is not Cause.CODE:
        named = f" ({verdict.upstream})" if verdict.upstream else ""
        sentence = f"{verdict.message[:1].upper()}{verdict.message[1:]}{named}. {sentence}"
    outside = next((s for s in case.suspects if s.kind == "outside"), None)
    sentence += f" This is {outside.message}." if outside else ""
    return verdict.cause, sentence, verdict.next_step


def _pressed(case: Case, cause: Cause, sentence: str, next_step: str) -> tuple[Cause, str, str]:
    """The conclusion in view of the hosts: pressure at the onset can turn "code" into "environment"."""
    if not case.evidence.pressure:
        return cause, sentence, next_step
    first, word = case.evidence.pressure[0], case.fp.pattern.rsplit("/", 1)[-1]
    if not host_pressure.turns(cause, word, bool(_release(case))):
        return cause, f"{sentence} At the time, {first.message}.", next_step
    why = "no value in the program explains the failure, and no likely release came before"
    return (
        Cause.ENVIRONMENT,
        f"{first.message[:1].upper()}{first.message[1:]}; {why}. {sentence}",
        host_pressure.NEXT_STEP,
    )


def _without_crash(case: Case) -> tuple[Cause, str, str]:
    release = _release(case)
    since = f" {release.message[:1].upper()}{release.message[1:]}." if release else ""
    if _is_slow(case):
        step = f"Compare {release.name} with the previous release." if release else "Profile the slow requests."
        return (
            Cause.PERFORMANCE,
            f"{case.evidence.service} slowed down: {_slow_says(case)}.{_origin(case)}{since}",
            step,
        )
    title = " ".join((case.best.message or case.best.title).split())[:240]
    return (
        Cause.UNKNOWN,
        f"Only a message is available: {title}.{_origin(case)}{since}",
        "Check the service's logs at that time.",
    )


def _is_slow(case: Case) -> bool:
    return not case.fp.crash and symptoms.symptom(case.best) == symptoms.LATENCY


def _slow_says(case: Case) -> str:
    rise = latency_rise(case.evidence)
    return f"p95 rose from {rise[0]:.0f} ms to {rise[1]:.0f} ms" if rise else case.best.title[:160]


def _commit(release: RankedSuspect | None) -> bool:
    """Does the suspect release name a commit?"""
    change = release.change if release else None
    return change is not None and bool(commit_of(str(change.attributes.get("sha") or change.release or "")))


def _simplicity(case: Case, cause: Cause) -> float:
    """1 = one line in one file. Only faults in code have a fix in code; each further file between the calls costs."""
    if cause is Cause.PERFORMANCE and _commit(release := _release(case)):
        return _simplicity_of_revert(release)
    if cause is not Cause.CODE or not case.fp.calls:
        return 0.2 if cause is not Cause.UNKNOWN else 0.0
    word = case.fp.pattern.rsplit("/", 1)[-1]
    inner = not all(map(_is_own, case.frames[-1:]))
    return round(SIMPLE.get(word, OTHERWISE) - (0.05 if inner else 0.0), 2)


def _simplicity_of_revert(release: RankedSuspect | None) -> float:
    files = release.change.attributes.get("files") if release and release.change else None
    return round(max(0.5, 0.95 - 0.05 * (len(files) - 1)), 2) if isinstance(files, list) and files else REVERTED


def _culprit(case: Case, cause: Cause) -> str:
    if case.verdict and case.verdict.upstream:
        return case.verdict.upstream
    frames = case.verdict.frames or case.frames if case.verdict else ()
    own = [*filter(_is_own, frames)]
    if own and cause in (Cause.CODE, Cause.DELIBERATE):
        return f"{stack.normal_file(own[-1].file)}:{own[-1].line}"
    release = _release(case)
    return release.name if release else ""

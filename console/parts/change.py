"""One change set as safe HTML: its patch side by side, its proof, its review and its tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.parts import patch, transcript
from console.ui.diff import size
from console.ui.markup import Safe, join, percent, span, tag
from console.ui.widgets import RESULT, card, checks, code, empty, of
from core.models import ChangeSet, Review, TestRun
from core.models.counted import counted
from core.queries.issues import ChangeDetails
from core.repair.judge.capabilities import NOTHING
from core.stages.review.gate import CAPABILITIES, newly
from core.stages.security import upgraded

PROOF = {
    "fails_before": "The new test fails on the old commit",
    "passes_after": "It passes on the fixed commit",
    "fails_reverted": "It fails again with only the patch reverted",
    "older_tests_pass": "All older tests still pass",
}


def conditions(change_set: ChangeSet) -> Mapping[str, str]:
    """The conditions of the proof, in words; an upgrade has other ones than a patch of code."""
    return upgraded.PROOF if change_set.template == upgraded.TEMPLATE else PROOF


def precision(change_set: ChangeSet) -> str:
    """The measured precision of the patch's class; of an older change, the confidence that it was given."""
    found = change_set.proof.get("precision")
    return str(found) if found else percent(change_set.confidence)


def proof(change_set: ChangeSet) -> Safe:
    held = change_set.proof
    messages, behaviours = held.get("says") or [], held.get("behaviours") or []
    autonomy = held.get("autonomy") or {}
    return join(
        [
            checks((held.get(k), v if k in held else f"{v}: not run") for k, v in conditions(change_set).items()),
            checks([(bool(autonomy.get("may")) or None, _class(autonomy))]) if autonomy else "",
            _benchmark(held.get("benchmark")),
            checks((None, str(one)) for one in behaviours),
            code("\n".join(map(str, messages))) if messages else "",
            tag("p", "A proposal that is not proved. Read it before you use it.") if held.get("proposal") else "",
            code(str(held["proposal"])) if held.get("proposal") else "",
        ]
    )


def _benchmark(found: object) -> Safe | str:
    """The figures of a fix of slow code; empty for any other."""
    if not isinstance(found, Mapping):
        return ""
    calls = f"{found.get('calls', 0):g} times fewer calls of functions, on {counted(found.get('inputs', 0), 'input')}"
    return tag("p", tag("b", f"In the sandbox {found.get('says', '')}"), f"; {calls}.")


def _class(autonomy: Mapping) -> str:
    may = "Autonomy of its class" if autonomy.get("may") else "A person approves it"
    return f"{may}: {autonomy.get('says', '')} ({autonomy.get('class') or 'no class'})"


def review(found: Review) -> Safe:
    """The gates, then their findings: defects of the change, and notes on older problems."""
    failed = {g.get("gate") for g in found.gates if not g.get("passed")}
    others = [f for f in found.findings if f.get("gate") != CAPABILITIES]
    notes = checks(_finding(f, f.get("gate") in failed) for f in others)
    return join([checks((_state(g), _gate(g)) for g in found.gates), notes if others else ""])


def newly_can(reviews: Sequence[Review]) -> Safe:
    """New capabilities of the patch; those that reach outside the program are marked and come first."""
    gate, rows = newly(reviews[-1].gates, reviews[-1].findings) if reviews else (None, [])
    if gate is None:
        inner = "Not analyzed for this patch."
    elif not rows:
        inner = gate.get("says", NOTHING)
    else:
        inner = checks((False if needs_person else None, _ability(row)) for needs_person, row in rows)
    return card(
        "New capabilities of this patch", inner, tone="wait" if any(needs_person for needs_person, _ in rows) else ""
    )


def _ability(row: dict) -> Safe:
    return tag("span", row.get("says", ""), " ", tag("code", f"{row.get('path', '')}:{row.get('line', '')}"))


def _state(gate: dict) -> object:
    """None: the gate could not run, which is neither a pass nor a failure."""
    return gate.get("passed") if gate.get("done", True) else None


def _gate(gate: dict) -> str:
    value, limit = gate.get("value"), gate.get("limit")
    share = isinstance(limit, float) and 0 < limit < 1  # other limits are whole numbers
    measured = f" {_number(value, share)} (limit {_number(limit, share)})" if value is not None else ""
    return f"{gate.get('gate')}:{measured} {gate.get('says', '')}"


def _number(value: object, share: bool) -> str:
    if not isinstance(value, int | float):
        return "–"
    return percent(value) if share else f"{value:g}"


def _finding(found: dict, failed: bool) -> tuple[object, Safe]:
    """A defect if its gate failed because of it; otherwise only a note."""
    severity = found.get("severity", "")
    where = tag("code", f"{found.get('path', '')}:{found.get('line', '')}")
    words = tag("span", where, f" {found.get('gate')}, {severity}: {found.get('says', '')}")
    return False if failed and severity != "note" else None, words


def tests(run: TestRun) -> Safe:
    return join(
        [
            tag(
                "div",
                of(RESULT, "ok" if run.passed else "failed"),
                tag(
                    "span",
                    f"{counted(run.tests, 'test')}, {counted(run.failures, 'failure')}, "
                    f"{span(run.seconds)}, in {run.runner or 'no runner'}",
                ),
                class_="d-line-up",
            ),
            tag("details", tag("summary", tag("code", run.command)), code(run.output or "no output")),
        ]
    )


def head(change_set: ChangeSet) -> Safe:
    added, removed = size(change_set.patch)
    pull = f"pull request {change_set.pull_number}" if change_set.pull_number else "no pull request"
    if change_set.pull_url.startswith(("https://", "http://")):
        pull = tag("a", pull, href=change_set.pull_url, target="_blank", rel="noopener noreferrer")
    return tag(
        "div",
        of(RESULT, change_set.status),
        tag("span", f"+{added} −{removed} lines"),
        tag("span", f"{change_set.kind}, {change_set.generator} / {change_set.template or 'free form'}"),
        tag("span", f"attempt {change_set.attempt}"),
        tag("span", pull),
        tag("code", change_set.head_sha[:10] or change_set.branch),
        class_="d-line-up",
    )


def drawn(found: ChangeDetails) -> Safe:
    made = found.change_set
    none = "Not run for this attempt."
    return join(
        [
            head(made),
            tag("p", made.rationale),
            tag("p", tag("b", "Note: "), made.note) if made.note else "",
            newly_can(found.reviews) if made.patch else "",
            patch.drawn(made.patch, found.comments)
            if made.patch
            else empty("No patch", made.note or "Nothing was proposed."),
            tag(
                "div",
                card("Proof of fix", proof(made)),
                card("Review", review(found.reviews[-1]) if found.reviews else none),
                card("Service tests", tests(found.tests[-1]) if found.tests else none),
                class_="d-two",
            ),
            transcript.drawn(made.proof.get("models")),
            tag(
                "details",
                tag("summary", "Regression test ", tag("code", made.test_path)),
                code(made.test_code),
            )
            if made.test_code
            else "",
        ]
    )

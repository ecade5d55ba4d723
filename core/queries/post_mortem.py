"""A post-mortem of one issue as Markdown, from stored facts. Pure.

Texts of strangers become one line of plain text each (core/stages/pull_request.py); a patch stands in a fence that is
longer than any run of backticks in it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from core.models import ChangeSet, Deployment, ServiceHealth
from core.models.counted import counted
from core.queries.issues import Story, timeline
from core.queries.unknowns import STEPS
from core.stages.pull_request import fenced

LONG = 1000  # characters of one text
PATCH = 20_000  # characters of the patch


def markdown(story: Story, unknown: Sequence[str]) -> str:
    """The whole document; ``unknown`` is what the platform does not know."""
    parts = {
        "Summary": _summary(story),
        "Timeline": _timeline(story),
        "Cause": _cause(story),
        "Fix": _fix(story),
        "Figures": _figures(story),
        "What the platform does not know": [f"- {fenced(text, LONG)}" for text in unknown] or ["Nothing is missing."],
    }
    head = f"# Post-mortem of issue {story.issue.id}\n\n{fenced(story.issue.title, LONG)}"
    return "\n\n".join([head, *(f"## {name}\n\n" + "\n".join(lines) for name, lines in parts.items())]) + "\n"


def _fact(name: str, value: object) -> str:
    return f"- {name}: {value}"


def _text(text: str | None, otherwise: str = "unknown") -> str:
    return fenced(text or "", LONG) or otherwise


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "not yet"


def _summary(story: Story) -> list[str]:
    issue = story.issue
    return [
        _fact("Service", _text(issue.service)),
        _fact("Severity and impact", f"{issue.severity or 'unknown'}, {issue.impact or 'unknown'}"),
        _fact("First error", _moment(issue.first_seen)),
        _fact("Last error", _moment(issue.last_seen)),
        _fact("Ended", f"{_moment(issue.ended_at)} ({issue.status})"),
        _fact("Occurrences", f"{issue.occurrences:,}"),
        _fact("Affected users", f"{issue.users:,}" if issue.users else "not reported"),
        _fact("First seen in release", _text(issue.release)),
        _fact("Owner", _text(issue.owner, "nobody")),
        _fact("Resolution", _text(issue.resolution or issue.reason, "none yet")),
    ]


def _timeline(story: Story) -> list[str]:
    return [
        f"- {_moment(event.at)}: **{_text(event.what)}** ({_text(event.by)})"
        + (f": {fenced(event.message, LONG)}" if event.message else "")
        for event in timeline(story)
    ]


def _cause(story: Story) -> list[str]:
    if not story.analyses:
        return ["The issue has not been analyzed."]
    found = story.analyses[-1]
    lines = [_text(found.root_cause), "", _fact("Kind of cause", found.cause), _fact("Place", _text(found.culprit))]
    return [*lines, *(_fact("Suspect change", text) for text in _suspects(found.evidence))]


def _suspects(evidence: Sequence[object]) -> Iterator[str]:
    for row in evidence:
        change = row.get("change") if isinstance(row, Mapping) else None
        if isinstance(change, Mapping):
            author = f" by {_text(str(change.get('author')))}" if change.get("author") else ""
            score = change.get("score")
            sure = f", score {score:.2f}" if isinstance(score, int | float) else ""
            yield f"{_text(str(change.get('name') or ''))} {_text(str(change.get('title') or ''), '')}{author}{sure}"


def _fix(story: Story) -> list[str]:
    written = [found.change_set for found in story.changes if found.change_set.head_sha]
    if not written:
        return ["The platform wrote no fix that was committed."]
    made = written[-1]
    lines = [f"{_text(made.title)} ({_text(made.status)})", "", _text(made.rationale, "No reason is stored."), ""]
    return [*lines, *_proof(made), _fact("Commit", _text(made.head_sha)), "", block(made.patch[:PATCH], "diff")]


def _proof(made: ChangeSet) -> Iterator[str]:
    for step, text in STEPS.items():
        shown = {True: "yes", False: "no"}.get(made.proof[step], "not run") if step in made.proof else "not run"
        yield _fact(f"Proof {text}", shown)


def _figures(story: Story) -> list[str]:
    lines = [
        _fact(f"Run {ended.run}", f"{_text(ended.result)}, {_seconds(ended.total_seconds)} from first error to end, "
              f"found after {_seconds(ended.detect_seconds)}")
        for ended in story.outcomes
    ]  # fmt: skip
    live = [one for one in story.deployments if one.environment == "production"]
    lines += _effect(live[-1], story.issue.service) if live else []
    return lines or ["No run has ended, and nothing was released."]


def _seconds(value: float | None) -> str:
    return "an unknown time" if value is None else counted(round(value), "second")


def _effect(made: Deployment, service: str) -> Iterator[str]:
    for name, sides in (("before", made.before), ("after", made.after)):
        found = ServiceHealth.model_validate(sides.get(service) or {})
        rate = "not measured" if found.error_rate is None else f"{found.error_rate:.1%} of {found.requests:,.0f} failed"
        yield _fact(f"Requests {name} release {_text(made.sha[:10])}", rate)


def block(text: str, language: str) -> str:
    """The text in a fence that it cannot end, without control and direction-changing characters."""
    plain = "".join(c for c in text if c in "\n\t" or unicodedata.category(c)[0] != "C")
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", plain))])
    return f"{ticks}{language}\n{plain}\n{ticks}"

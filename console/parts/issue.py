"""One issue on one screen: root cause, decision, fix, effect on production and outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from console.parts import change, patch, surroundings
from console.parts import story as story_parts
from console.ui.markup import Safe, join, link, span, tag, when
from console.ui.widgets import RESULT, STATUS, VERDICT, card, of
from console.ui.widgets import timeline as events
from core.models import Deployment
from core.models.counted import counted
from core.queries.issues import Story, shortened, timeline
from core.signals.analysis import suspects

FILES = 5


def _last(items):
    return items[-1] if items else None


def _ending(story: Story) -> Safe:
    issue, ended = story.issue, _last(story.outcomes)
    if ended is None:
        return card("Now", tag("p", of(STATUS, issue.status), " ", issue.reason or "In progress."))
    took = span(ended.total_seconds)
    return card(
        "Outcome",
        tag("p", of(RESULT, ended.result), f" by {ended.by}, {took} after the first error."),
        tag("p", ended.note) if ended.note else "",
        tag("p", issue.resolution, class_="d-muted") if issue.resolution else "",
        tone="ok" if ended.result in ("fixed", "human") else "bad",
    )


def _decided(made) -> Safe:
    return card(
        "Decision",
        tag("p", of(VERDICT, made.verdict), tag("b", f" confidence {made.confidence:.2f}")),
        tag("p", f"Row {made.row}: {made.receipt.get('row_says', '')}."),
        tag("p", "A person approves it before production.") if made.needs_approval else "",
        tag("p", _corroboration(made), class_="d-muted"),
    )


def _corroboration(made) -> str:
    """What corroborates the report, or why nothing does. Empty for older decisions."""
    given = made.receipt.get("inputs")
    message = given.get("corroboration") if isinstance(given, Mapping) else ""
    return f"{message}." if message else ""


def _written(found) -> Safe:
    made = found.change_set
    held = [name for name in change.PROOF if made.proof.get(name)]
    return card(
        "Fix",
        tag("p", of(RESULT, made.status), " ", tag("code", made.kind), " ", tag("b", made.title)),
        tag("p", made.rationale),
        tag("p", f"Proof: {len(held)} of {len(change.PROOF)} steps passed. ", made.note, class_="d-muted"),
        patch.drawn(made.patch, found.comments) if made.patch else "",
        aside=link(f"/codegen?change={made.id}", "Test, proof and review"),
    )


def _shipped(made: Deployment, service: str) -> Safe:
    before, after = ({service: side[service]} if service in side else {} for side in (made.before, made.after))
    return card(
        "Effect on production",
        story_parts.deployment_row(made),
        story_parts.health_short(before, after),
        tag("p", link(f"/deployments?deployment={made.id}", "Deployment and rollback")),
    )


def suspect(evidence: Sequence[object]) -> Safe | str:
    """The change that most likely caused it: who made it, when, what it touched, and where to read it."""
    first = suspects.suspect(evidence)
    if first is None:
        return ""
    address, name = str(first.get("url") or ""), str(first.get("name") or "")
    plain = not address.startswith(("https://", "http://"))
    where = tag("code", name) if plain else tag("a", name, href=address, target="_blank", rel="noopener noreferrer")
    author = f"by {first['author']}, " if first.get("author") else ""
    files = [str(name) for name in first.get("files") or []]
    return card(
        "Suspect change",
        tag("p", where, " ", tag("b", first.get("title", ""))),
        tag("p", author, when(_time(first.get("at"))), class_="d-muted"),
        tag("p", "Touched ", join((tag("code", name) for name in files[:FILES]), ", ")) if files else "",
        tag("p", f"And {counted(len(files) - FILES, 'more file')}.", class_="d-muted") if len(files) > FILES else "",
        tone="bad",
    )


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def narrative(story: Story, unknown: Sequence[str] = ()) -> Safe:
    """The issue on one screen below its suspect change: cards on the left, the timeline on the right."""
    found, made, wrote = _last(story.analyses), _last(story.decisions), _last(story.changes)
    live = _last([d for d in story.deployments if d.environment == "production"])
    chapters = [
        card(
            "Root cause",
            tag("p", found.root_cause, class_="d-cause"),
            tag("p", tag("code", found.culprit), class_="d-muted") if found.culprit else "",
            tag("p", tag("b", "Next step: "), found.next_step) if found.next_step else "",
        )
        if found
        else "",
        surroundings.unknown(unknown),
        _decided(made) if made else "",
        _written(wrote) if wrote else "",
        _shipped(live, story.issue.service) if live else "",
        _ending(story),
    ]
    short = shortened(story)
    cut = tag("p", f"Only the latest {', '.join(short)} are shown.", class_="d-muted") if short else ""
    line = card("Timeline", events(timeline(story)), cut)
    return tag("div", tag("div", *chapters, class_="d-stack"), line, class_="d-story")

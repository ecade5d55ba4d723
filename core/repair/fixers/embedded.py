"""The repairer that needs no model: templates by the exception's type, at the crash's frames, best first."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.models import Crash
from core.repair.localize.locate import Place, places
from core.repair.localize.sources import UNREADABLE
from core.repair.propose import templates_for
from core.repair.propose.base import Change
from core.repair.propose.documentation import raised
from core.repair.propose.registry import Template
from core.repair.types import Candidate

log = logging.getLogger(__name__)
FRAMES = 3  # program frames from the crash outwards that are looked at
MOST = 40  # candidates of one crash


class EmbeddedFixer:
    name = "embedded"

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        """Candidates that parse and differ, surest first; those of inner frames before those of outer ones."""
        changes = sorted(_changes(tree, crash), key=lambda found: -found[1].confidence)
        seen: set[str] = set()
        for name, change in changes:
            if change.text not in seen and _parses(change.text):
                seen.add(change.text)
                yield Candidate(
                    template=name,
                    files={change.path: change.text},
                    rationale=change.says,
                    evidence=(change.why,) if change.why else (),
                    grade=change.grade,
                    confidence=change.confidence,
                    raises=change.raises,
                )
                if len(seen) == MOST:
                    return


def _changes(tree: Path, crash: Crash) -> Iterator[tuple[str, Change]]:
    for place in islice(places(tree, crash), FRAMES):
        promised = any(name == place.kind_raised for name, _ in raised(place))
        for template in templates_for(place.kind_raised):
            for change in _made(template, place):
                if not promised or (change.why and "documentation" not in change.why):
                    yield template.name, change


def _made(template: Template, place: Place) -> Iterator[Change]:
    """What the template makes of the place; one that fails on unusual code is logged, and the others go on."""
    try:
        yield from template.make(place)
    except (*UNREADABLE, TypeError, LookupError, AttributeError):
        log.warning("%s failed at %s:%s", template.name, place.path, place.line, exc_info=True)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except UNREADABLE:
        return False
    return True

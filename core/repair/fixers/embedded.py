"""The repairer that needs no model: templates by the exception's type, at the crash's frames, best first."""

from __future__ import annotations

import ast
import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.models import Crash
from core.repair.localize.locate import Place, places
from core.repair.localize.sources import UNREADABLE
from core.repair.propose import FAMILIES
from core.repair.propose.base import Change
from core.repair.propose.evidence import raised
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
        for family, change in changes:
            if change.text not in seen and _parses(change.text):
                seen.add(change.text)
                yield Candidate(
                    template=family,
                    files={change.path: change.text},
                    rationale=change.says,
                    evidence=(change.why,) if change.why else (),
                    confidence=change.confidence,
                    raises=change.raises,
                )
                if len(seen) == MOST:
                    return


def _changes(tree: Path, crash: Crash) -> Iterator[tuple[str, Change]]:
    kind = crash.exception.type.rsplit(".", 1)[-1]
    for place in islice(places(tree, crash), FRAMES):
        promised = any(name == kind for name, _ in raised(place))
        for family in FAMILIES.get(kind, ()):
            name = f"{family.__module__.rsplit('.', 1)[1]}.{family.__name__}"
            for change in _made(family, place):
                if not promised or (change.why and "documentation" not in change.why):
                    yield name, change


def _made(family: Callable[[Place], Iterator[Change]], place: Place) -> Iterator[Change]:
    """What the family makes of the place; one that trips over unusual code is silent, the others go on."""
    try:
        yield from family(place)
    except (*UNREADABLE, TypeError, LookupError, AttributeError) as error:
        log.warning("%s failed at %s:%s: %r", family.__name__, place.path, place.line, error)


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except UNREADABLE:
        return False
    return True

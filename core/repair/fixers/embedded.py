"""The embedded repairer, without a model: edit operators for the exception's type, at the crash's frames."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.models import Crash
from core.repair.localize.locate import Place, places
from core.repair.localize.sources import UNREADABLE, tree_of
from core.repair.propose import operators_for
from core.repair.propose.base import Change
from core.repair.propose.documentation import raised
from core.repair.propose.registry import Operator
from core.repair.types import Candidate

log = logging.getLogger(__name__)
FRAMES = 3  # innermost frames of the program at which operators are applied
MOST = 40  # maximum candidates of one crash


class EmbeddedFixer:
    name = "embedded"

    def propose(self, tree: Path, crash: Crash, feedback: Sequence[str] = ()) -> Iterator[Candidate]:
        """Candidates that parse and differ: by grade of evidence, then by distance from the crash, then by size."""
        texts = {place.path: len(place.text) for place in places(tree, crash)}
        seen: set[str] = set()
        for name, change in sorted(_changes(tree, crash), key=lambda found: _order(found[1], texts)):
            if change.text not in seen and _parses(change.text):
                seen.add(change.text)
                yield _candidate(name, change)
                if len(seen) == MOST:
                    return


def _order(change: Change, texts: dict[str, int]) -> tuple[int, int, int]:
    return -change.grade, change.far, abs(len(change.text) - texts.get(change.path, 0))


def _candidate(name: str, change: Change) -> Candidate:
    return Candidate(
        template=name,
        files={change.path: change.text},
        rationale=change.message,
        evidence=(change.why,) if change.why else (),
        grade=change.grade,
        far=change.far,
        raises=change.raises,
    )


def _changes(tree: Path, crash: Crash) -> Iterator[tuple[str, Change]]:
    for place in islice(places(tree, crash), FRAMES):
        promised = any(name == place.kind_raised for name, _ in raised(place))
        for operator in operators_for(place.kind_raised):
            for change in _made(operator, place):
                if not promised or (change.why and "documentation" not in change.why):
                    yield operator.name, change


def _made(operator: Operator, place: Place) -> Iterator[Change]:
    """The operator's changes at the place. A failure on unusual code is logged, and the other operators continue."""
    try:
        yield from operator.make(place)
    except (*UNREADABLE, TypeError, LookupError, AttributeError):
        log.warning("%s failed at %s:%s", operator.name, place.path, place.line, exc_info=True)


def _parses(text: str) -> bool:
    try:
        tree_of(text)
    except UNREADABLE:
        return False
    return True

"""Whether requests stay away since a release. Pure.

A cure ends retries, but loses no request that succeeded. So the requests since the release are compared with those that
succeeded before it, in the quietest window of the same length (release_series.py says why), times what is left of the
traffic of the services that the release cannot have changed. Why clients left is open: a person decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.models.counted import counted
from core.signals import timeline
from core.signals.release import Count, Finding, FindingKind, Scene
from core.signals.release_series import length, windows
from core.signals.timeline import Bin

LOST = 0.3  # of the expected requests: so many do not stay away for other reasons
BUSIER = 1.2  # times the busiest window before: more load than the replaced release ever had
DEVIATIONS = 3.0  # standard deviations of a Poisson count that chance does not explain


@dataclass(frozen=True)
class Traffic:
    """``begin`` of the baseline, ``start`` and ``until`` of what is known since, in seconds from the release."""

    scene: Scene
    begin: float
    start: float
    until: float

    def finding(self, service: str) -> Finding:
        errors = {i.at: i.errors for i in self.scene.services.get(service, ())}
        old, new = self._bins(service)
        good = [span.exposure - errors.get(span.start, 0.0) for span in old]
        wanted, came = expected(good, old, new) * self._kept, sum(span.exposure for span in new)
        message = f"{service}: {counted(came, 'request')} since the release, at least {wanted:.0f} expected"
        kind = FindingKind.DOUBT if gone(came, wanted) else FindingKind.CLEAR
        return Finding(kind, Count(service, wanted, came, message))

    def busier(self, service: str) -> bool:
        """Are there more requests than ever before in as long a time?"""
        old, new = self._bins(service)
        most = max(_rates([span.exposure for span in old], old, new), default=math.inf)
        return sum(span.exposure for span in new) > BUSIER * most * length(new)

    @cached_property
    def _kept(self) -> float:
        """The least part of its traffic that a service kept which the release cannot have changed; 1 at most."""
        return min([1.0, *self._parts()])

    def _parts(self) -> Iterator[float]:
        for service in self.scene.services:
            old, new = self._bins(service) if service not in self.scene.touched else ([], [])
            wanted = expected([span.exposure for span in old], old, new)
            if wanted > 0:
                yield sum(span.exposure for span in new) / wanted

    def _bins(self, service: str) -> tuple[list[Bin], list[Bin]]:
        old = timeline.bins(self.scene, service, self.begin, 0.0)
        return old, timeline.bins(self.scene, service, self.start, self.until)


def expected(counts: Sequence[float], old: Sequence[Bin], new: Sequence[Bin]) -> float:
    """What the quietest window before lets expect of the time that ``new`` covers."""
    return min(_rates(counts, old, new), default=0.0) * length(new)


def _rates(counts: Sequence[float], old: Sequence[Bin], new: Sequence[Bin]) -> Iterator[float]:
    """Counts per second of each window before that is as long as ``new``, or half as long as the baseline."""
    seconds = min(length(new), length(old) / 2)
    if seconds > 0:
        yield from (n / (span.end - span.start) for n, span in windows(counts, old, seconds))


def gone(requests: float, wanted: float) -> bool:
    """Have requests gone away for certain?"""
    return wanted - requests > max(LOST * wanted, DEVIATIONS * math.sqrt(wanted))

"""How surprising an alarm must be: a bar that learns how often it was passed.

Each alarm raises it a little for every statistic and a lot for those of its own kind; it sinks at the rate of alarms
that a person can bear. So the long-run rate is bounded whatever the series (after adaptive conformal inference: Gibbs,
Candès 2021), and a kind that a series makes cry wolf falls silent without muting the others.
"""

from __future__ import annotations

START = 6.0  # a chance of e^-6 in a block, for the strangest of some twenty statistics
ALL, OWN = 0.2, 2.0  # what an alarm adds to the bar of every statistic, and to that of its kind
BUDGET = 0.0003  # alarms a row at which a bar sinks as fast as it rises


class Bar:
    """The bars of one stream; ``sink`` once a row."""

    def __init__(self):
        self.row = 0
        self.raised: dict[str, tuple[float, int]] = {}  # alarms not yet forgotten, as of a row

    def sink(self) -> None:
        self.row += 1

    def height(self) -> float:
        """The surprise of an alarm now, whatever its kind."""
        return START + ALL * self._alarms("")

    def handicap(self, kind: str) -> float:
        """What the surprise of this kind must exceed the bar by."""
        return OWN * self._alarms(kind) if kind in self.raised else 0.0

    def rise(self, kind: str) -> None:
        for name in ("", kind):
            self.raised[name] = self._alarms(name) + 1, self.row

    def _alarms(self, name: str) -> float:
        alarms, since = self.raised.get(name, (0.0, 0))
        return max(0.0, alarms - BUDGET * (self.row - since))

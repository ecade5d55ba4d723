"""How surprising an alarm must be: a bar that adapts to how often it was exceeded.

Each alarm raises it a little for every statistic and a lot for those of its own kind; it sinks at a budgeted rate of
alarms. The long-run rate is therefore bounded for every series (after adaptive conformal inference: Gibbs, Candès
2021), and a kind that causes many false alarms is muted without muting the others.
"""

from __future__ import annotations

START = 6.0  # a probability of e^-6 in a block, for the most surprising of about twenty statistics
ALL, OWN = 0.2, 2.0  # what an alarm adds to the bar of every statistic, and to the bar of its kind
BUDGET = 0.0003  # alarms per row at which a bar sinks as fast as it rises


class Bar:
    """The bars of one stream; call ``sink`` once per row."""

    def __init__(self):
        self.row = 0
        self.raised: dict[str, tuple[float, int]] = {}  # remaining weight of past alarms, as of a row

    def sink(self) -> None:
        self.row += 1

    def height(self) -> float:
        """The surprise that an alarm of any kind needs now."""
        return START + ALL * self._alarms("")

    def handicap(self, kind: str) -> float:
        """The extra surprise that this kind needs above the bar."""
        return OWN * self._alarms(kind) if kind in self.raised else 0.0

    def rise(self, kind: str) -> None:
        for name in ("", kind):
            self.raised[name] = self._alarms(name) + 1, self.row

    def _alarms(self, name: str) -> float:
        alarms, since = self.raised.get(name, (0.0, 0))
        return max(0.0, alarms - BUDGET * (self.row - since))

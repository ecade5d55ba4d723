"""The name of a source, and who can write the data it returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Writers(StrEnum):
    """Who can write what a source returns."""

    TEAM = "team"  # only who holds the team's own keys
    ANYONE = "anyone"  # strangers, too


@dataclass(frozen=True)
class Origin:
    """What a source is called on screen, and who can write what it returns.

    ``how`` is a relative clause that says how a stranger can.
    """

    title: str
    writers: Writers
    how: str = ""

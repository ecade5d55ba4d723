"""The name of a source, and who can write the data it returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Writers(StrEnum):
    """Who can write what a source returns."""

    TEAM = "team"  # only holders of the team's keys
    ANYONE = "anyone"  # untrusted people, too


@dataclass(frozen=True)
class Origin:
    """The name of a source on screen, and who can write the data it returns.

    ``how`` is a relative clause that states how an untrusted person can write it.
    """

    title: str
    writers: Writers
    how: str = ""

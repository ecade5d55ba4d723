"""A cheap masker: replaces variable parts of a message with a star."""

from __future__ import annotations

import re

VARIABLE = re.compile(
    r"""\d{4}-\d\d-\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?      # times
      | \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b  # UUIDs
      | \b[\w.+-]{1,64}+@[\w-]+\.[\w.]+                        # addresses
      | 0x[0-9a-fA-F]+ | \b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b       # hashes
      | \b\d+(?:\.\d+){3}(?::\d+)?\b                           # hosts
      | '[^'\d]*+\d[^']*+' | "[^"\d]*+\d[^"]*+"                # quoted values with a digit in them
      | (?<![A-Za-z_])[-+]?\d+(?:[.,:]\d+)*                    # numbers
      | (?<=[-_#])\d+""",
    re.X,
)
WORD = re.compile(r"[A-Za-z_][A-Za-z_.]{2,}")
SILENT = frozenset(
    re.findall(
        r"\w+",
        "the and for with from has was not error errors exception failed failure while this that when got"
        " warn info traceback most recent call last file line",
    )
)


def mask(text: str) -> str:
    """A message's template: numbers, ids, times and quoted values become ``*``."""
    return " ".join(VARIABLE.sub("*", text[:2000]).split())


def words(text: str) -> frozenset[str]:
    """The significant words of a message, in lower case."""
    return frozenset(w.strip(".").lower() for w in WORD.findall(mask(text))) - SILENT

"""A unified diff as two columns of lines, side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from console.ui.markup import Safe, esc, join, tag
from core.models.patterns import NUMBER

HUNK = re.compile(rf"^@@ -({NUMBER})(?:,\d+)? \+({NUMBER})(?:,\d+)? @@ ?(.*)")
LIMIT = 800  # lines of a patch that are drawn


@dataclass(frozen=True)
class Row:
    """``kind`` is file, hunk, same or changed; a side is (line number, text) or None."""

    kind: str
    left: tuple[int, str] | None = None
    right: tuple[int, str] | None = None
    title: str = ""


def rows(patch: str) -> Iterator[Row]:
    """The rows of a unified diff; adjacent removed and added lines share rows."""
    old = new = 0
    removed: list[tuple[int, str]] = []
    added: list[tuple[int, str]] = []

    def flush() -> Iterator[Row]:
        yield from (Row("changed", left, right) for left, right in zip_longest(removed, added))
        removed.clear()
        added.clear()

    for line in patch.splitlines():
        if line.startswith(("+++ ", "diff --git", "index ", "--- ", "new file", "deleted file")) and not old + new:
            if line.startswith("+++ "):
                yield Row("file", title=line[4:].removeprefix("b/"))
        elif hunk := HUNK.match(line):
            yield from flush()
            old, new = int(hunk[1]), int(hunk[2])
            yield Row("hunk", title=hunk[3])
        elif line.startswith("diff --git"):
            yield from flush()
            old = new = 0
        elif line.startswith("-"):
            removed.append((old, line[1:]))
            old += 1
        elif line.startswith("+"):
            added.append((new, line[1:]))
            new += 1
        elif not line.startswith("\\"):
            yield from flush()
            yield Row("same", (old, line[1:]), (new, line[1:]))
            old, new = old + 1, new + 1
    yield from flush()


def _marked(mine: str, other: str) -> Safe:
    """Mark the words of ``mine`` that ``other`` lacks; mark nothing if the texts differ too much."""
    if len(mine) + len(other) > 600:
        return esc(mine)
    a, b = (re.findall(r"\w+|\s+|.", text) for text in (mine, other))
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < 0.6:
        return esc(mine)
    parts = (("".join(a[i:j]), kind) for kind, i, j, _, _ in matcher.get_opcodes())
    return join(esc(text) if kind == "equal" else tag("mark", text) for text, kind in parts if text)


def _side(side, other, kind: str, sign: str) -> Safe:
    if side is None:
        return Safe('<td class="d-no"></td><td class="d-gap"></td>')
    changed = kind == "changed"
    text = _marked(side[1], other[1]) if changed and other else esc(side[1])
    class_ = {"-": "d-del", "+": "d-add"}[sign] if changed else None
    return join(
        [
            tag("td", side[0], class_="d-no"),
            tag("td", tag("i", sign if changed else " ", aria_hidden="true"), text, class_=class_),
        ]
    )


def _row(row: Row) -> Safe:
    if row.kind in ("file", "hunk"):
        return tag("tr", tag("td", row.title or "…", colspan=4), class_=f"d-{row.kind}")
    old, new = _side(row.left, row.right, row.kind, "-"), _side(row.right, row.left, row.kind, "+")
    return tag("tr", old, new, class_=f"d-{row.kind}")


def side_by_side(patch: str) -> Safe:
    """The patch as a table: old on the left, new on the right."""
    drawn = list(rows(patch))
    cut = [Row("hunk", title=f"{len(drawn) - LIMIT} more lines are not shown")] if len(drawn) > LIMIT else []
    widths = tag("colgroup", *(tag("col", class_=name) for name in ("d-no", None, "d-no", None)))
    return tag(
        "div",
        tag("table", widths, tag("tbody", *map(_row, drawn[:LIMIT] + cut))),
        class_="d-diff",
        tabindex="0",
        role="region",
        aria_label="Difference, old left and new right",
    )


def size(patch: str) -> tuple[int, int]:
    """(added, removed) lines."""
    found = [row for row in rows(patch) if row.kind == "changed"]
    return sum(r.right is not None for r in found), sum(r.left is not None for r in found)

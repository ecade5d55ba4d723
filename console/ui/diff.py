"""A unified diff as safe HTML: two columns side by side or one, with syntax colours, and comments under their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from console.ui import syntax
from console.ui.markup import Safe, join, tag
from console.ui.syntax import Parts
from core.models.patterns import NUMBER

HUNK = re.compile(rf"^@@ -({NUMBER})(?:,\d+)? \+({NUMBER})(?:,\d+)? @@ ?(.*)")
LIMIT = 800  # lines of a patch that are drawn
Comments = Mapping[tuple[str, int], Sequence[object]]  # by path and line of the new text
NONE: Comments = {}


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

    for line in patch.removesuffix("\n").split("\n"):  # as git: a carriage return or a form feed ends no line
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


@dataclass(frozen=True)
class _Drawn:
    """A row with its file and the coloured parts of its sides."""

    row: Row
    path: str = ""
    left: Parts = ()
    right: Parts = ()


def _coloured(found: Sequence[Row]) -> Iterator[_Drawn]:
    """Each hunk is coloured as one piece of its file."""
    path, block = "", []
    for row in found:
        if row.kind in ("file", "hunk"):
            yield from _block(block, path)
            block, path = [], row.title if row.kind == "file" else path
            yield _Drawn(row, path)
        else:
            block.append(row)
    yield from _block(block, path)


def _block(block: Sequence[Row], path: str) -> Iterator[_Drawn]:
    left = iter(syntax.coloured([row.left[1] for row in block if row.left], path))
    right = iter(syntax.coloured([row.right[1] for row in block if row.right], path))
    for row in block:
        yield _Drawn(row, path, next(left) if row.left else (), next(right) if row.right else ())


def _cell(number: int, parts: Parts, other: str | None, kind: str, sign: str) -> Safe:
    changed = kind == "changed"
    text = syntax.line(parts, other if changed else None)
    class_ = {"-": "d-del", "+": "d-add"}[sign] if changed else None
    sign = sign if changed else " "
    return join([tag("td", number, class_="d-no"), tag("td", tag("i", sign, aria_hidden="true"), text, class_=class_)])


GAP = Safe('<td class="d-no"></td><td class="d-gap"></td>')


def _two(drawn: _Drawn, said: Comments) -> Iterator[Safe]:
    """One row of the columns side by side."""
    row, old, new = drawn.row, drawn.row.left, drawn.row.right
    left = _cell(old[0], drawn.left, new and new[1], row.kind, "-") if old else GAP
    right = _cell(new[0], drawn.right, old and old[1], row.kind, "+") if new else GAP
    yield tag("tr", left, right, class_=f"d-{row.kind}")
    yield from _said(drawn, said, 4)


def _one(drawn: _Drawn, said: Comments) -> Iterator[Safe]:
    """The line or lines of a row in one column: the old before the new."""
    row, old, new = drawn.row, drawn.row.left, drawn.row.right
    if old and row.kind == "changed":
        yield tag("tr", _cell(old[0], drawn.left, new and new[1], row.kind, "-"), class_="d-changed")
    if new:
        yield tag("tr", _cell(new[0], drawn.right, old and old[1], row.kind, "+"), class_=f"d-{row.kind}")
    yield from _said(drawn, said, 2)


def _said(drawn: _Drawn, said: Comments, columns: int) -> Iterator[Safe]:
    """The comments on the new line of a row."""
    place = (drawn.path, drawn.row.right[0]) if drawn.row.right else None
    for comment in said.get(place, ()) if place else ():
        yield tag("tr", tag("td", comment, colspan=columns), class_="d-said")


def _title(row: Row, columns: int) -> Safe:
    return tag("tr", tag("td", row.title or "…", colspan=columns), class_=f"d-{row.kind}")


def side_by_side(patch: str, said: Comments = NONE) -> Safe:
    """The patch as a table: old on the left, new on the right."""
    widths = tag("colgroup", *(tag("col", class_=name) for name in ("d-no", None, "d-no", None)))
    return _table(patch, widths, _two, 4, "Difference, old left and new right", said)


def unified(patch: str, said: Comments = NONE) -> Safe:
    """The patch in one column, each old line above the new one."""
    widths = tag("colgroup", *(tag("col", class_=name) for name in ("d-no", None)))
    return _table(patch, widths, _one, 2, "Difference, old above new", said, "d-diff d-unified")


def _table(patch: str, widths: Safe, line, columns: int, label: str, said: Comments, class_: str = "d-diff") -> Safe:
    found = list(rows(patch))
    cut = [Row("hunk", title=f"{len(found) - LIMIT} more lines are not shown")] if len(found) > LIMIT else []
    drawn = _coloured([*found[:LIMIT], *cut])
    body = (
        part
        for one in drawn
        for part in ([_title(one.row, columns)] if one.row.kind in ("file", "hunk") else line(one, said))
    )
    table = tag("table", widths, tag("tbody", *body))
    return tag("div", table, class_=class_, tabindex="0", role="region", aria_label=label)


def size(patch: str) -> tuple[int, int]:
    """(added, removed) lines."""
    found = [row for row in rows(patch) if row.kind == "changed"]
    return sum(r.right is not None for r in found), sum(r.left is not None for r in found)


def places(patch: str) -> dict[str, str]:
    """The lines of the new text that the patch shows, as path:line and their words: where a comment can stand."""
    path, found = "", {}
    for row in list(rows(patch))[:LIMIT]:
        path = row.title if row.kind == "file" else path
        if row.right:
            found[f"{path}:{row.right[0]}"] = f"{path}:{row.right[0]}  {row.right[1].strip()[:80]}"
    return found

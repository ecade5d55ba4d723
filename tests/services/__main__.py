"""``python -m tests.services [NAME ...]``: the stories one after the other, and a table of how each ended."""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

from tests.services.catalogue import SERVICES
from tests.services.story import Row, tell

HEADS = ("service", "input", "delivery", "found", "proved", "fixed by", "live", "watched", "seconds")


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.services", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(SERVICES)}")
    parser.add_argument("--dir", type=Path, help="folder for all files of the stories; kept")
    given = parser.parse_args(argv)
    if unknown := set(given.names) - set(SERVICES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="services-") as folder:
        rows = [_told(name, (given.dir or Path(folder)) / name) for name in given.names or SERVICES]
    print(table(rows))
    for row in rows:
        if not row.whole:
            print(f"{row.service}: {row.says}")
    return 0 if all(row.whole for row in rows) else 1


def _told(name: str, folder: Path) -> Row:
    folder.mkdir(parents=True)
    try:
        row = tell(name, folder)
    except Exception as error:  # the others are told all the same
        traceback.print_exc()
        row = Row(name, SERVICES[name].input, SERVICES[name].delivery, says=f"{type(error).__name__}: {error}"[:500])
    print("  ".join(row.cells()), file=sys.stderr, flush=True)
    return row


def table(rows: list[Row]) -> str:
    lines = [HEADS, *(tuple(row.cells()[: len(HEADS)]) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADS))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

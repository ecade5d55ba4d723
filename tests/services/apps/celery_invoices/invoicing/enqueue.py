"""``python -m invoicing.enqueue FILE``: put the rows of a feed on the queue."""
import sys
from pathlib import Path

from invoicing import feed
from invoicing.tasks import rate_usage


def main(path: str) -> int:
    count = 0
    for row in feed.lines(Path(path).read_text(encoding="utf-8")):
        rate_usage.delay(row)
        count += 1
    print(f"{count} rows queued")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))

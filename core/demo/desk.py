"""The shop's support desk: files an issue on GitHub when enough customers hit the same error."""

from __future__ import annotations

from collections.abc import Callable

PEOPLE = 5  # customers with the same error before an issue is filed


class SupportDesk:
    def __init__(self, file: Callable[[str, str, list[str]], object]):
        self.file, self.seen, self.filed = file, {}, set()

    def hear(self, row: dict) -> None:
        """Record an error that a customer saw."""
        exception = row["exception"]
        key = (row["service"], row["route"], exception["type"], row["release"])
        people = self.seen.setdefault(key, [])
        if key in self.filed or row["user"] in people:
            return
        people.append(row["user"])
        if len(people) == PEOPLE:
            self.filed.add(key)
            self.file(*_letter(row, people))


def _letter(row: dict, people: list[str]) -> tuple[str, str, list[str]]:
    body = (
        f"{len(people)} customers ({', '.join(people)}) wrote that `{row['route']}` shows them an error page since "
        f"{row['at']:%H:%M} UTC. From the log of the last one:\n\n```\n{row['exception']['stack'].strip()}\n```\n"
    )
    title = f"Customers get an error page on {row['route']}: {row['exception']['type']}"
    return title, body, ["bug", f"service:{row['service']}"]

"""The usage feed of a reseller: one JSON object a line, every value a string."""
import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


class BadFeed(ValueError):
    """A line that no reseller may send."""


@dataclass(frozen=True)
class Usage:
    customer: str
    plan: str
    day: date
    seats: int
    gigabytes: Decimal
    discount: int  # per cent
    reference: str


def read_usage(row: dict) -> Usage:
    missing = {"customer", "plan", "day", "seats"} - row.keys()
    if missing:
        raise BadFeed("missing: " + ", ".join(sorted(missing)))
    return Usage(
        customer=row["customer"].strip(),
        plan=row["plan"].strip().lower(),
        day=date.fromisoformat(row["day"]),
        seats=int(row["seats"]),
        gigabytes=Decimal(row.get("gigabytes") or "0"),
        discount=int(row.get("discount", "0")),
        reference=row.get("reference") or "",
    )


def lines(text: str):
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise BadFeed(f"line {number}: {error}") from error

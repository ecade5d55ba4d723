"""Reading interval files.

A file has a header line and one reading a line, columns separated by semicolons::

    meter;at;kwh;quality
    DE0071;2026-03-01T00:15;1.250;M
    DE0071;2026-03-01T00:30;1.300;E

``quality`` is M for measured, E for estimated and S for substituted by the grid operator. Meters of the first generation
leave the column out when a reading was measured.
"""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Iterator, NamedTuple, Optional

QUALITIES = {"M": "measured", "E": "estimated", "S": "substituted"}
COMMENT = "#"


class FormatError(ValueError):
    """A line that is no reading; says which and why."""


class Reading(NamedTuple):
    meter: str
    at: datetime
    kwh: Decimal
    quality: str

    @property
    def trusted(self) -> bool:
        return self.quality == "measured"


def parse_amount(text: str) -> Decimal:
    """kWh with a point or, as some vendors write it, a comma."""
    try:
        return Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        raise FormatError(f"not an amount: {text!r}") from None


def parse_time(text: str) -> datetime:
    for pattern in ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%d.%m.%Y %H:%M"):
        try:
            return datetime.strptime(text.strip(), pattern)
        except ValueError:
            continue
    raise FormatError(f"not a time: {text!r}")


def parse_quality(columns: list) -> str:
    """The quality in the last column of a reading."""
    flag = columns[3].strip().upper()
    try:
        return QUALITIES[flag]
    except KeyError:
        raise FormatError(f"unknown quality: {flag!r}") from None


def read_line(line: str) -> Optional[Reading]:
    """The reading in a line; None for blank lines and comments."""
    line = line.strip()
    if not line or line.startswith(COMMENT):
        return None
    columns = line.split(";")
    if len(columns) < 3:
        raise FormatError(f"too few columns: {line!r}")
    return Reading(columns[0].strip(), parse_time(columns[1]), parse_amount(columns[2]), parse_quality(columns))


def read_file(path) -> Iterator[Reading]:
    """The readings of a file, in its order. Raises FormatError with the number of the line."""
    with open(path, encoding="utf-8-sig") as file:
        next(file, None)
        for number, line in enumerate(file, 2):
            try:
                reading = read_line(line)
            except FormatError as error:
                raise FormatError(f"{path}, line {number}: {error}") from None
            if reading is not None:
                yield reading

"""Values to try for an unknown input, by the exception's message. Pure."""

from __future__ import annotations

import re

_HINTS = (
    (r"Decimal", ("Decimal('2.5')",)),
    (r"day is out of range|day must be in", (
        "datetime.date(2024, 2, 29)", "datetime.date(2024, 1, 31)", "datetime.datetime(2024, 2, 29, 8)",
        "datetime.datetime(2024, 1, 31, 8)", "'2024-02-29'", "'2024-01-31'", "31",
    )),
    (r"month must be in", ("datetime.date(2024, 12, 15)", "datetime.datetime(2024, 12, 15, 8)", "'2024-12-15'", "12")),
    (r"offset-naive", (
        "'2024-05-06T07:08:09+00:00'", "'2024-05-06T07:08:09'", "datetime.datetime(2024, 5, 6, 7, 8, 9)",
        "datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)",
    )),
    (r"datetime\.date\b|type date\b|'date'", ("datetime.date(2024, 5, 6)", "'2024-05-06'")),
    (r"datetime\.datetime|type datetime\b|'datetime'", ("datetime.datetime(2024, 5, 6, 7, 8, 9)",)),
    (r"timedelta", ("datetime.timedelta(hours=1)",)),
    (r"padding", ("'eyJhIjogMTJ9Cg'", "'a.eyJhIjogMTJ9Cg.c'", "'eyJhIjogMX0'")),
    (r"can't encode character", ("'Zo\\xeb \\u0141'",)),
    (r"can't decode byte", ("b'\\xe9t\\xe9'", "b'\\xff\\xfe'")),
    (r"Set changed size", ("{'a', 'b', 'c', 'd'}", "{1, 2, 3, 4}")),
    (r"dictionary (changed size|keys changed)", ("{'a': 1, 'b': 2, 'c': 3}",)),
    (r"values to unpack", ("{'text': 3, 'other': 5}", "'a=b=c'", "'a'", "[('a', 1, 2)]")),
    (r"unhashable type: 'list'", ("['a', 'b']",)),
    (r"unhashable type: 'dict'", ("{'a': 1}",)),
    (r"type set\b", ("{1, 2}",)),
    (r"bytes", ("b'text'",)),
    (r"type UUID", ("UUID('12345678-1234-5678-1234-567812345678')",)),
    (r"JSON|Expecting", ("'{\"a\": 1}'", "''")),
    (r"'str'|not \"?str|\"str\"", ("'7'",)),
    (r"'int'|\(not \"int\"\)", ("7",)),
    (r"'float'", ("2.5",)),
    (r"NoneType", ("None",)),
)  # fmt: skip


def hints(message: str) -> list[str]:
    """Expressions of such values, those of the most likely cause first."""
    return [value for pattern, values in _HINTS if re.search(pattern, message) for value in values]

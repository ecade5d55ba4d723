"""Bytes made texts for the readers: as they are, put together of pieces that mean something, or as edited JSON. Pure.

The fuzzers choose bytes; what a byte stands for is fixed here, so that a case found can be played again.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests.attacks.hostile import SHAPES
from tests.attacks.reader import Reader
from tests.attacks.readers import READERS
from tests.shared import SHARED

MOST = 4000  # characters of one text
PIECES = (
    *SHAPES.values(), *(seed for reader in READERS.values() for seed in reader.seeds if len(seed) < 400),
    "9" * 5000, "1e999", "-1", "NaN", "0x", "(" * 300, "[" * 300, "{" * 300, "a" * 300, "<>", "None", "True", "\x85",
    "\u2028", "Error", "Traceback (most recent call last):\n", ", line ", "Caused by: ", "    at ", "**", "`1`: ",
    "<summary>", "</summary>", "<details>", "-----BEGIN PRIVATE KEY-----", "password=", "authorization: ", "eyJ", "://",
    "msg=", "message=", "status=", "host='", "5 passed", "@@ -1 +1 @@\n", "+++ b/a.py\n", "--- a/a.py\n", ":param a: ",
    "Args:\n", "-r ", "==", "[project]\n", "a = 1\n", "lambda: ", "datetime.date(",
    "is not a valid ", "object at 0x1f>",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 2**63, 1e308, -1e308, 1.5, "", "x", "²", "9" * 5000, "1e999", "\ud800", "\0", "a" * 3000,
    [], {}, [None], [[]], [{}], {"a": None}, {"": []}, "2026-01-05T08:00:00Z", "2026-01-05",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", -62135596800000, 253402300799999, 1e20,
    json.loads("[" * 200 + "]" * 200),
    json.loads('{"a":' * 100 + "1" + "}" * 100), ["a"] * 300, {str(i): i for i in range(100)},
)  # fmt: skip


def text_of(reader: Reader, data: bytes) -> str:
    """The text that the bytes stand for: the first says which way."""
    way, rest = (data[0] % 3, data[1:]) if data else (0, b"")
    if way == 1 and reader.json:
        return json.dumps(_edited(reader, rest))
    if way == 2:
        return "".join(PIECES[byte % len(PIECES)] for byte in rest)[:MOST]
    return rest.decode("utf-8", "surrogateescape")[:MOST]


def _edited(reader: Reader, data: bytes) -> Any:
    """A sample in which a few values, each at the end of a path, are others or gone."""
    samples = _samples(reader)
    value = json.loads(samples[data[0] % len(samples)]) if data else None
    for start in range(1, len(data) - 3, 4):
        value = _replaced(value, data[start : start + 3], data[start + 3])
    return value


def _replaced(value: Any, path: bytes, new: int) -> Any:
    if path and isinstance(value, dict) and value:
        key = list(value)[path[0] % len(value)]
        if new == 255:
            return {k: v for k, v in value.items() if k != key}
        return value | {key: _replaced(value[key], path[1:], new)}
    if path and isinstance(value, list) and value:
        at = path[0] % len(value)
        return [*value[:at], _replaced(value[at], path[1:], new), *value[at + 1 :]]
    return VALUES[new % len(VALUES)]


@cache
def _samples(reader: Reader) -> tuple[str, ...]:
    """The reader's own samples and, where they lie beside the project, recorded answers of all vendors."""
    found = [*reader.seeds]
    for path in sorted((SHARED / "fixtures").glob("*/*.json")):
        for one in json.loads(path.read_text(encoding="utf-8")).get("interactions", []):
            body = one["response"]["body"]
            text = body if isinstance(body, str) else json.dumps(body)
            if text[:1] in "{[" and len(text) < 20_000:
                found.append(text)
    return tuple(text for text in found if _is_json(text))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def corpus(reader: Reader) -> list[bytes]:
    """Bytes to begin with: the seeds as they are, and short ways of the other two kinds."""
    plain = [b"\0" + seed.encode("utf-8", "surrogateescape") for seed in reader.seeds]
    edits = [bytes([1, sample, a, b, 0, new]) for sample in range(3) for a, b, new in ((0, 0, 0), (1, 2, 3), (2, 1, 9))]
    return [*plain, *(edits if reader.json else []), *(bytes([2, *range(n, n + 12)]) for n in range(0, 240, 24))]

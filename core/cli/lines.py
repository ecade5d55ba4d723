"""The loop of commands that read lines and answer each one in order, as soon as it arrives.

An unreadable line gets no answer; standard error gives its number and the error. All other lines are answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader
from typing import TextIO

LONGEST = 1_000_000  # bytes of one line
BATCH = 65_536  # bytes that are read at once if available
ALL, SOME, NOTHING = 0, 1, 2  # exit codes: all lines were answered, some were not, there were no lines


def batches(stdin: BufferedReader) -> Iterator[list[str | None]]:
    """Batches of lines without line ends; None stands for a line that is too long. Memory use is bounded."""
    rest, cut = b"", False
    while piece := stdin.read1(BATCH):
        *whole, rest = (rest + piece).split(b"\n")
        if whole:
            yield [None if cut else _text(whole[0]), *map(_text, whole[1:])]
            cut = False
        if len(rest) > LONGEST:
            rest, cut = b"", True
    if rest or cut:
        yield [None if cut else _text(rest)]


def _text(line: bytes) -> str | None:
    return line.decode("utf-8", "replace").rstrip("\r") if len(line) <= LONGEST else None


def answer_each(stdin: BufferedReader, stdout: TextIO, stderr: TextIO, answer: Callable[[int, str], str | None]) -> int:
    """Write ``answer(number, line)`` for each line: None means no output, and a ValueError that the line is invalid.

    Returns the command's exit code.
    """
    answered = refused = number = 0
    for lines in batches(stdin):
        for line in lines:
            number += 1
            try:
                text = answer(number, _readable(line.lstrip("\ufeff") if number == 1 and line else line))
            except ValueError as error:
                refused += 1
                print(f"line {number}: {error}", file=stderr)
                continue
            if text is not None:
                answered += 1
                stdout.write(text + "\n")
        stdout.flush()
    if not answered and not refused:
        print(f"line {number + 1}: the input is empty", file=stderr)
        return NOTHING
    return SOME if refused else ALL


def _readable(line: str | None) -> str:
    if line is None:
        raise ValueError(f"longer than {LONGEST:,} bytes")
    if not line.strip():
        raise ValueError("empty")
    return line

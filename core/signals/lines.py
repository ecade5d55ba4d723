"""Commands that read lines and answer each on its own, in order, as soon as it has come.

A line that cannot be read is named on standard error by its number and gets no answer; the others do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

LONGEST = 1_000_000  # characters of one line
ALL, SOME, NOTHING = 0, 1, 2  # exit codes: every line was answered, some were not, there was none


def read(stdin: TextIO) -> Iterator[tuple[int, str | None]]:
    """(number from 1 on, the line without its end), None for one that is too long; memory is bounded."""
    number = 0
    while piece := stdin.readline(LONGEST):
        number += 1
        whole = piece.endswith("\n") or len(piece) < LONGEST
        while len(piece) == LONGEST and not piece.endswith("\n"):
            piece = stdin.readline(LONGEST)
        line = piece.rstrip("\r\n") if whole else None
        yield number, line.lstrip("\ufeff") if number == 1 and line else line


def answer_each(stdin: TextIO, stdout: TextIO, stderr: TextIO, answer: Callable[[int, str], str | None]) -> int:
    """Write ``answer(number, line)`` of each line; None is no answer wanted, ValueError what is wrong with the line.

    Returns the command's exit code.
    """
    answered = refused = number = 0
    for number, line in read(stdin):
        try:
            if line is None:
                raise ValueError(f"longer than {LONGEST} characters")
            if not line.strip():
                raise ValueError("empty")
            told = answer(number, line)
        except ValueError as error:
            refused += 1
            print(f"line {number}: {error}", file=stderr)
            continue
        if told is not None:
            answered += 1
            stdout.write(told + "\n")
    if not answered and not refused:
        print(f"line {number + 1}: nothing to answer: the input is empty", file=stderr)
        return NOTHING
    return SOME if refused else ALL

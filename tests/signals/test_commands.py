"""`python -m core detect` and `group` on the command line: valid, invalid, empty and endless input."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from core.cli import lines

COMMAND = (sys.executable, "-m", "core")
ROW = "2026-01-05 00:00:00,1\n"
HEAD = "timestamp,value\n"
CRASH = '{"source":"s","vendor_id":"1","kind":"log","at":"2026-01-05T00:00:00Z","title":"x %d"}\n'


def run(name: str, given: str | bytes, *more: str) -> tuple[int, list[str], list[str]]:
    """(exit code, lines of standard output, lines of standard error)"""
    given = given.encode() if isinstance(given, str) else given
    done = subprocess.run([*COMMAND, name, *more], input=given, capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode().splitlines()


@pytest.mark.parametrize(
    ("name", "given", "code", "answers", "told"),
    [
        ("detect", HEAD + ROW * 3, 0, 3, []),
        ("detect", "\ufeff" + 'Timestamp, "value"\r\n' + '"2026-01-05T00:00:00Z","1e3"\r\n', 0, 1, []),
        ("detect", HEAD + "1767571200,1\n1767571500000,2\n20260105,3\n1712121012345,4", 0, 4, []),
        ("detect", HEAD + ROW + "2026-01-05 00:05:00,\n" + ROW, 0, 3, ["line 3: no value"]),
        (
            "detect",
            HEAD + "yesterday,1\n" + ROW,
            1,
            1,
            ["line 2: 'yesterday' is not a time such as 2026-01-05 08:00:00"],
        ),
        ("detect", HEAD + ROW + "2026-01-05,x\n2026-01-05,inf\n" + ROW, 1, 2, ["line 3: 'x' is no", "line 4: 'inf'"]),
        ("detect", HEAD + "1\n1,2,3\n\n" + ROW, 1, 1, ["line 2: exp", "line 3: exp", "line 4: empty"]),
        ("detect", ("a,b\n" + ROW + ROW).encode("utf-8"), 1, 2, ["line 1: expected the header"]),
        ("detect", HEAD.encode() + b"\xff\xfe,1\n" + ROW.encode(), 1, 1, ["line 2: "]),
        ("detect", HEAD, 2, 0, ["line 2: the input is empty"]),
        ("detect", "", 2, 0, ["line 1: the input is empty"]),
        ("group", "a job ran\n\n\x00\ud83d\n".encode("utf-8", "surrogatepass"), 1, 2, ["line 2: empty"]),
        ("group", "disk 1 is full\r\ndisk 2 is full\rtoo\n" + "x" * 1_000_001 + "\nend", 1, 3, ["line 3: longer than"]),
        ("group", "", 2, 0, ["line 1: the input is empty"]),
        ("correlate", CRASH % 1 + "{\n\n" + CRASH % 1, 1, 2, ["line 2: not JSON", "line 3: empty"]),
    ],
)
def test_each_invalid_line_is_reported_and_the_others_are_answered(name, given, code, answers, told):
    got, out, err = run(name, given)
    assert (got, len(out)) == (code, answers)
    assert len(err) == len(told) and all(said.startswith(start) for said, start in zip(err, told, strict=True))


@pytest.mark.parametrize(("more", "code"), [(["--help"], 0), (["more"], 2)])
def test_the_commands_explain_themselves(more, code):
    got, out, err = run("detect", "", *more)
    assert got == code and "usage: python -m core detect" in (out + err)[0]


def test_an_answer_comes_before_the_next_line():
    with subprocess.Popen([*COMMAND, "group"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for line, answer in (("job 1 ran", "1"), ("no disk left", "2"), ("job 2 ran", "1")):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == answer + "\n"
        process.stdin.close()
    assert process.returncode == 0


def test_a_closed_pipe_ends_the_command_quietly():
    with subprocess.Popen([*COMMAND, "group"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=-1) as process:
        process.stdout.close()
        told = process.communicate(b"line\n" * 10)[1]
    assert (process.returncode, told) == (0, b"")


def test_an_endless_line_is_read_in_pieces(tmp_path):
    """A line of any length is one line, and is never held as a whole."""
    path, most = tmp_path / "lines", lines.LONGEST
    path.write_text("a" * most + "\n" + "b" * (most + 1) + "\n" + "c" * (3 * most + 5) + "\nd" + "\n" + "e" * 2 * most)
    with path.open("rb") as file:
        found = [line and line[0] for batch in lines.batches(file) for line in batch]
    assert found == ["a", None, None, "d", None]


def test_half_a_surrogate_pair_ends_no_stream():
    half = CRASH % 1
    given = half[:-2] + ',"note":"\\ud800"}\n' + CRASH % 2
    code, answers, _ = run("correlate", given)
    assert (code, len(answers)) == (0, 2)
    assert json.loads(answers[0])["note"] == "\ud800"

"""docs/mission.md has a row for each statement of the mission, and names only tests and modules that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "mission.md").read_text(encoding="utf-8")
STATEMENTS = (ROOT / "tests" / "mission_statements.txt").read_text(encoding="utf-8")
HEAD = ["statement", "where", "test", "state"]
STATE = re.compile(r"real|real against a simulator \((?P<proof>.+)\)|not applicable because .+|open: .+")
PROOFS = {  # a vendor's own client or program, its specification, its recorded answers, or another implementation
    "aiosmtpd", "boto3 and moto", "Cline CLI", "CodeRabbit's recorded reviews", "datadog-api-client",
    "Kestra's OpenAPI", "the sources of Kestra's plugins", "kestrapy and kestra",
    "New Relic's GraphQL schema", "OSV's documented examples", "PyGithub", "Sentry's OpenAPI",
    "sentry-sdk", "slack_sdk", "smtplib", "Vercel CLI", "Vercel's OpenAPI",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A row of the page; ``where`` and ``tests`` are paths, each test with its name behind ``::``."""

    heading: str
    statement: str
    where: tuple[str, ...]
    tests: tuple[str, ...]
    state: str


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows() -> Iterator[Row]:
    """The rows of all tables below a heading. Raises ValueError for a line of a table that has not four cells."""
    heading = ""
    for line in PAGE.splitlines():
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        if heading and line.startswith("|") and cells(line) != HEAD and not line.startswith("| ---"):
            statement, where, tests, state = cells(line)
            yield Row(heading, statement, names(where), names(tests), state)


def names(cell: str) -> tuple[str, ...]:
    """The names in a cell. Raises ValueError when it holds anything else, except a dash for none."""
    found = tuple(re.findall(r"`([^`]+)`", cell))
    if cell != (", ".join(f"`{name}`" for name in found) or "-"):
        raise ValueError(f"{cell!r} is no list of names")
    return found


ROWS = tuple(rows())


def expected() -> Iterator[tuple[str, str]]:
    heading = ""
    for line in STATEMENTS.splitlines():
        if line.startswith("# "):
            heading = line.removeprefix("# ")
        elif line:
            yield heading, line


@cache
def functions(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_each_statement_has_its_row():
    assert [(row.heading, row.statement) for row in ROWS] == list(expected())
    assert len(ROWS) > 200


@pytest.mark.parametrize("name", sorted({name for row in ROWS for name in row.tests}))
def test_a_named_test_exists(name):
    path, _, function = name.partition("::")
    assert path.startswith("tests/") and function.startswith("test_")
    assert (ROOT / path).is_file() and function in functions(path)


@pytest.mark.parametrize("name", sorted({name for row in ROWS for name in row.where}))
def test_a_named_module_or_file_exists(name):
    assert (ROOT / name).is_file()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.statement)
def test_a_state_is_one_of_the_four_and_what_is_real_names_a_test(row):
    state = STATE.fullmatch(row.state)
    assert state and "partly" not in row.state
    if row.state.startswith("real"):
        assert row.tests and row.where
    if state["proof"]:
        assert set(state["proof"].split(", ")) <= PROOFS

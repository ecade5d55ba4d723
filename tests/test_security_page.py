"""docs/security.md names only existing tests, and every file of attacks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE)))


@pytest.mark.parametrize("name", NAMED)
def test_a_named_test_exists(name):
    assert (ROOT / name).is_file()


def test_every_file_of_attacks_is_named():
    written = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "attacks").glob("test_*.py")}
    assert written <= set(NAMED)


def test_every_row_names_a_test():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| who | ")]
    assert len(rows) > 15
    assert all("`tests/" in row.rsplit("|", 2)[1] for row in rows if not row.startswith("| --- "))

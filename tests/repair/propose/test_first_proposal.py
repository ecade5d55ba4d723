"""What the operators propose for small programs, before anything is run: the likeliest that has evidence."""

import pytest

from core.repair.fixers.embedded import EmbeddedFixer
from core.repair.localize.locate import located
from core.repair.prove.proof import write
from core.repair.types import Evidence
from tests.bench.repair.casefile import DEV, load
from tests.repair.casework import checked, make

CASES = {case.id: case for case in load(DEV)}
RIGHT = (
    "fresh-key-nested-counts", "fresh-name-elementtree-children", "fresh-name-error-after-except",
    "fresh-name-nonlocal-missing", "fresh-name-removed-inspect", "fresh-name-shadowed-builtin",
    "fresh-name-super-init-missing", "daily-enum-case", "daily-generator-len", "daily-keys-subscript",
    "daily-keyword-only", "daily-missing-self", "daily-reduce-empty", "daily-sibling-guard-elsewhere",
    "daily-sibling-inline-guard", "daily-sort-ties",
)  # fmt: skip
NOTHING_SURE = ("fresh-key-trap-required", "daily-trap-null-guess", "daily-trap-sibling-differs")


def proposed(name, repo):
    return list(EmbeddedFixer().propose(repo, located(repo, make(CASES[name], repo))))


@pytest.mark.parametrize("name", RIGHT)
def test_the_likeliest_proposal_is_right(name, tmp_path):
    best = next(c for c in proposed(name, tmp_path) if c.evidence)
    assert best.grade >= Evidence.SIBLING
    write(tmp_path, best.files)
    assert checked(CASES[name], tmp_path) == ""


@pytest.mark.parametrize("name", NOTHING_SURE)
def test_nothing_is_proposed_as_sure_where_nothing_says_what_is_meant(name, tmp_path):
    assert not [c for c in proposed(name, tmp_path) if c.grade >= Evidence.SIBLING]


@pytest.mark.parametrize("name", ["last-page-empty", "daily-regex-none"])
def test_no_operator_fails_on_what_it_reads(name, tmp_path, caplog):
    """``rows[-1]["id"]``: the text is no position, and the empty rows are met with what the documentation says."""
    best = next(c for c in proposed(name, tmp_path) if c.evidence)
    assert [record.getMessage() for record in caplog.records if "failed at" in record.getMessage()] == []
    write(tmp_path, best.files)
    assert checked(CASES[name], tmp_path) == ""

"""The smallest safe version, as PEP 440 orders versions."""

from __future__ import annotations

import pytest

from core.signals.security.upgrade import candidates, safe


@pytest.mark.parametrize(
    ("current", "fixed", "ordered"),
    [
        ("2.7.1", ["2.8.0"], ["2.8.0"]),
        ("2.7.1", ["2.10.0", "2.9.0"], ["2.9.0", "2.10.0"]),  # numbers, not texts
        ("2.7.1", ["3.0.0", "2.30.0"], ["2.30.0", "3.0.0"]),  # the same major version first, even if it is higher
        ("2.7.1", ["3.0", "4.0", "1.14.0"], ["3.0", "4.0"]),  # never an older version
        ("2.7.1", ["2.8.0rc1", "2.8.0"], ["2.8.0"]),
        ("2.8.0rc1", ["2.8.0rc2", "2.8.0"], ["2.8.0rc2", "2.8.0"]),  # who pins a pre-release gets one
        ("1!2.0", ["1!2.1", "3.0"], ["1!2.1"]),  # an epoch orders before everything else
        ("1.0.post1", ["1.0", "1.0.post2"], ["1.0.post2"]),
        ("2.7.1", ["2.7.1", "2.7.1+local"], ["2.7.1+local"]),
        ("2.7.1", ["latest", "2.8.0; rm -rf /", "9" * 4], ["9999"]),
        ("unknown", ["2.8.0"], []),
    ],
)
def test_candidates_are_ordered_as_they_are_considered(current, fixed, ordered):
    assert candidates(current, fixed) == ordered


def covered(*ranges: tuple[str, str, list[str]]):
    """Advisories: (first affected version, first fixed version, the versions that they name as fixes)."""
    from packaging.version import Version

    def affected(asked):
        found = {}
        for version in asked:
            hits = [fixes for low, high, fixes in ranges if Version(low) <= Version(version) < Version(high)]
            if hits:
                found[version] = [fix for fixes in hits for fix in fixes]
        return found

    return affected


@pytest.mark.parametrize(
    ("advisories", "fixed", "best"),
    [
        ([("0", "2.8.0", ["2.8.0"])], ["2.8.0"], ["2.8.0"]),
        # the fix of one advisory is covered by another one
        ([("0", "2.8.0", ["2.8.0"]), ("2.0", "2.9.1", ["2.9.1"])], ["2.8.0"], ["2.9.1"]),
        # no safe version has the same major version
        ([("0", "2.8.0", ["2.8.0"]), ("2.0", "3.1", ["3.1"])], ["2.8.0"], ["3.1"]),
        ([("0", "2.8.0", ["2.8.0"]), ("0", "2.9", ["2.9"])], ["2.8.0", "2.9"], ["2.9"]),
        ([("0", "99", ["2.8.0"])], ["2.8.0"], []),
        ([], [], []),
    ],
)
def test_a_version_is_safe_when_no_advisory_covers_it_any_longer(advisories, fixed, best):
    assert safe("2.7.1", fixed, covered(*advisories)) == best


def test_the_search_is_bounded():
    asked = []

    def endless(versions):
        asked.append(versions)
        return {version: [f"2.{int(version.split('.')[1]) + 1}.0"] for version in versions}

    assert safe("2.7.1", ["2.8.0"], endless) == [] and len(asked) == 3

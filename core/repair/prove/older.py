"""Compares the older tests before and after a change: which broke, and which did not run. Pure.

A test's id can differ between runs if its parameters contain a time or an address. Missing and new ids of one test
function are therefore paired in order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Results = Mapping[str, str]  # text of the failure by test id, empty when the test passed


def renamed(before: Iterable[str], after: Iterable[str]) -> dict[str, str]:
    """Old id -> new id of the parametrized tests that only one of the two runs has."""
    old, new = list(before), list(after)
    gone, come = _by_function(n for n in old if n not in set(new)), _by_function(n for n in new if n not in set(old))
    return {one: other for name, ones in gone.items() for one, other in zip(ones, come.get(name, ()), strict=False)}


def _by_function(names: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        function, bracket, _ = name.partition("[")
        if bracket:
            found.setdefault(function, []).append(name)
    return found


def compared(before: Results, after: Results, flaky: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """(tests that fail now but did not before, tests that did not run any more)."""
    names = renamed(before, after)
    held = {names.get(name, name): text for name, text in before.items()}
    broken = [name for name, text in after.items() if text and not held.get(name) and name not in flaky]
    return sorted(broken), sorted(set(held) - set(after))


def verdict(before: Results, after: Results, flaky: Collection[str] = ()) -> tuple[bool, str]:
    """(no older test broke or is missing, a sentence for people, which names known and flaky failures)."""
    broken, gone = compared(before, after, flaky)
    if broken or gone:
        return False, f"Older tests fail or did not run: {', '.join([*broken, *gone])[:300]}."
    known = sorted(name for name, text in before.items() if text)
    passed = [name for name, text in after.items() if not text]
    notes = {"Already failed before": known, "Flaky before the change": sorted(flaky)}
    details = "".join(f" {what}: {', '.join(names)[:200]}." for what, names in notes.items() if names)
    return True, f"All {len(passed)} older tests pass.{details}"

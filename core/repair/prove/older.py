"""The older tests before and after a change: which broke, and which are gone. Pure.

A test may have another name in each run, when its parameters hold a clock or an address. What is gone and what is new
of one test function is paired in order, as many as there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Results = Mapping[str, str]  # text of the failure by test id, empty when the test passed


def renamed(before: Iterable[str], after: Iterable[str]) -> dict[str, str]:
    """New name by old one, of the parametrized tests that only one of the two runs knows."""
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
    """Tests that fail now and did not before, and tests that did not run any more."""
    names = renamed(before, after)
    held = {names.get(name, name): text for name, text in before.items()}
    broken = [name for name, text in after.items() if text and not held.get(name) and name not in flaky]
    return sorted(broken), sorted(set(held) - set(after))


def verdict(before: Results, after: Results, flaky: Collection[str] = ()) -> tuple[bool, str]:
    """Whether no older test broke or is gone, in words; those that failed before, or fail at times, are named."""
    broken, gone = compared(before, after, flaky)
    if broken or gone:
        return False, f"Older tests fail or are gone: {', '.join([*broken, *gone])[:300]}."
    known = sorted(name for name, text in before.items() if text)
    passed = [name for name, text in after.items() if not text]
    notes = {"Failed before already": known, "Fail at times, before as well": sorted(flaky)}
    told = "".join(f" {what}: {', '.join(names)[:200]}." for what, names in notes.items() if names)
    return True, f"All {len(passed)} older tests pass.{told}"

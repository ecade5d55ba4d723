"""Runs in the sandbox, prepended to sandbox_harness.py: measures how near a call comes to a reported crash.

Each reported frame counts up to one: for entering its function, for the distance to the reported line, and there for
the share of the reported locals that have the reported values. This is the
crash distance of EvoCrash (Soltani, Panichella and van Deursen, "A Guided Genetic Algorithm for Automated Crash
Reproduction", 2017), with the state of the report as in RECORE (Rossler et al., "Reconstructing Core Dumps", 2013).

Uses only the standard library.
"""

import os
import re
import sys

LOOKS = 40  # maximum comparisons of locals for each call
SHOWN = 300  # maximum characters of a value that are compared
ENTERED, LINE = 0.2, 0.3  # shares of one step; the rest is for the locals


class Nearness:
    """A tracer; ``steps`` are [file, function, line, {local: repr}], the outermost first."""

    def __init__(self, steps, root):
        self.places = {}
        for number, (file, function, line, held) in enumerate(steps):
            self.places[os.path.join(root, file), function] = (number, line, held)  # in a recursion, the innermost
        self.best, self.looks = {}, LOOKS

    @property
    def near(self):
        """From 0 to the number of steps."""
        return round(sum(self.best.values()), 3)

    def __enter__(self):
        self.best, self.looks = {}, LOOKS
        if self.places:
            sys.settrace(self.called)
        return self

    def __exit__(self, *_):
        if self.places:
            sys.settrace(None)

    def called(self, frame, _event, _argument):
        code = frame.f_code
        place = self.places.get((code.co_filename, code.co_name))
        if place is None:
            return None
        self.better(place[0], ENTERED)
        return self.stepped

    def stepped(self, frame, event, _argument):
        if event == "line":
            code = frame.f_code
            number, line, held = self.places[code.co_filename, code.co_name]
            near = ENTERED + LINE / (1 + abs(frame.f_lineno - line))
            if frame.f_lineno == line and self.looks:
                self.looks -= 1
                near += (1 - ENTERED - LINE) * same(frame.f_locals, held)
            self.better(number, near)
        return self.stepped

    def better(self, number, near):
        self.best[number] = max(self.best.get(number, 0.0), near)


def same(held, wanted):
    """The share of the reported locals that have the reported values."""
    if not wanted:
        return 0.0
    return sum(name in held and shown(held[name]) == text for name, text in wanted.items()) / len(wanted)


def shown(value):
    try:
        return plain_text(repr(value))
    except Exception:
        return ""


def plain_text(text):
    return re.sub(r"0x[0-9a-f]+", "0x", text)[:SHOWN]


def objects(space, owners):
    """{name: class} of what holds an object of one of these classes or their subclasses; ``_value``: the result."""
    found = {}
    for name, value in space.items():
        given = name == "_value" or not name.startswith("_")
        kinds = [kind.__name__ for kind in type(value).__mro__] if given else []
        found.update((name, owner) for owner in owners if owner in kinds)
    return found

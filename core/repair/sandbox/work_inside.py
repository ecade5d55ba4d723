"""Runs in the sandbox, prepended to sandbox_harness.py: the work of a call.

``cpu`` is the CPU time in seconds of a run, each with new arguments. As a clock of CPU time may tick every 10 ms only,
many runs are timed together. ``calls`` counts the calls of functions, also of those written in C: it is the same on
every machine. ``entered`` names the functions of the tree that ran, as ``path:function``. ``unit`` is the CPU time of a
fixed loop, by which machines differ.
"""

import os
import sys
import time

UNIT = compile("sum(range(200_000))", "<unit>", "eval")
MOST_ENTERED, MOST_RUNS = 500, 1000
TICKS = 0.03  # seconds; the clock of CPU time tells nothing about less
WORK_SECONDS = 30.0  # CPU time for all that is measured of one call


def worked(ready, seconds, within, first):
    """The work of the call that ``ready`` prepares, timed for ``seconds``; nothing if a run fails or takes too long.

    Only the ``first`` runs of a variant count its calls, of which it always makes as many.
    """
    try:
        within(WORK_SECONDS)
        found = {"cpu": cost(ready, seconds)}
        return {**found, "unit": cost(lambda: (UNIT, {}), seconds), **calls_of(*ready())} if first else found
    except BaseException:  # the call gave a result before; it is not timed
        return {}
    finally:
        within(0)


def cost(ready, seconds):
    """Mean CPU seconds of a run; a first run shows how many are needed, and is enough if it is long."""
    spent, passed = timed_runs([ready()])
    runs = min(round(seconds / max(passed, 1e-7)), MOST_RUNS)
    if runs > 1:
        spent, passed = timed_runs([ready() for _ in range(runs)])
    return (spent if spent >= TICKS else passed) / max(runs, 1)


def timed_runs(jobs):
    """(CPU seconds, seconds) of the runs together."""
    start, begun = time.process_time(), time.perf_counter()
    for code, space in jobs:
        finished(eval(code, space))
    return time.process_time() - start, time.perf_counter() - begun


def finished(value):
    """A generator does its work only now."""
    if hasattr(value, "gi_frame"):
        for _ in value:
            pass
    if hasattr(value, "cr_frame"):
        value.close()


def calls_of(code, space):
    counted, entered, root = [0], {}, os.getcwd() + os.sep

    def hook(frame, event, _arg):
        if event in ("call", "c_call"):
            counted[0] += 1
        if event == "call" and frame.f_code.co_filename.startswith(root) and len(entered) < MOST_ENTERED:
            entered[f"{frame.f_code.co_filename[len(root) :]}:{frame.f_code.co_name}"] = None

    sys.setprofile(hook)
    try:
        finished(eval(code, space))
    finally:
        sys.setprofile(None)
    return {"calls": counted[0], "entered": list(entered)}

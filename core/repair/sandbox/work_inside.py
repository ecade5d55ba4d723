"""Runs in the sandbox, prepended to sandbox_harness.py: the work of a call.

``cpu`` is the CPU time in seconds of a run, which makes its arguments, as a test does. The clock of CPU time may tick
every 10 ms only, so many runs are timed together. ``calls`` counts the calls of functions, also of those written in C:
it is the same on every machine. ``entered`` names the functions of the tree that ran, as ``path:function``. ``unit`` is
the CPU time of a fixed loop, by which machines differ.
"""

import os
import sys
import time

UNIT = compile("sum(range(200_000))", "<unit>", "eval")
MOST_ENTERED = 500
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
    """Mean CPU seconds of a run, as the regression test measures it: runs until the clock has passed ``seconds``."""
    code, space = ready()
    runs, start = 0, time.process_time()
    while not runs or time.process_time() - start < seconds:
        finished(eval(code, space))
        runs += 1
    return (time.process_time() - start) / runs


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

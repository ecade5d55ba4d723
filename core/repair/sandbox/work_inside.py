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
MOST_ENTERED, MOST_RUNS = 500, 300
WORK_SECONDS = 10.0  # CPU time for all that is measured of one call


def worked(ready, seconds, within):
    """The work of the call that ``ready`` prepares, timed for ``seconds``; nothing if a run fails or takes too long."""
    try:
        within(WORK_SECONDS)
        return {"cpu": cost(ready, seconds), "unit": cost(lambda: (UNIT, {}), seconds), **calls_of(*ready())}
    except BaseException:  # the call gave a result before; it is not timed
        return {}
    finally:
        within(0)


def cost(ready, seconds):
    """Mean CPU seconds of a run; a first run shows how many are needed."""
    code, space = ready()
    start = time.perf_counter()
    finished(eval(code, space))
    one = max(time.perf_counter() - start, 1e-7)
    jobs = [ready() for _ in range(min(max(1, round(seconds / one)), MOST_RUNS))]
    start, begun = time.process_time(), time.perf_counter()
    for code, space in jobs:
        finished(eval(code, space))
    spent, passed = time.process_time() - start, time.perf_counter() - begun
    return (spent or passed) / len(jobs)  # less than a tick of the clock


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

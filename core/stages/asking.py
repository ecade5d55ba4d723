"""Asks every analyst at the same time; what fails or is late does not matter as long as one answers.

The models are asked in threads of their own, because each waits for its network. The last analyst is the embedded one,
which needs neither and runs in this thread.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from threading import Thread

from core.signals.analysis.opinions import combined
from core.signals.analysis.types import Conclusion, IssueFacts
from core.vendors.base import Analyst, VendorError

SECONDS = 180.0  # for all models together, from the first question on


def ask(analysts: Sequence[Analyst], evidence: IssueFacts, seconds: float = SECONDS) -> tuple[Conclusion, list[dict]]:
    """The combined conclusion of all that answer; each that does not leaves a note. Raises VendorError if all fail."""
    *models, own = analysts
    deadline = time.monotonic() + seconds
    running = [(model, _begin(model, evidence)) for model in models]
    found, notes = _answers([(own, _now(own, evidence))], deadline)
    others, more = _answers(running, deadline)
    found, notes = [*others, *found], [*more, *notes]
    if not found:
        raise VendorError("analysis", "no analyst responded: " + "; ".join(n["says"] for n in notes), permanent=True)
    return combined(found), notes


def _begin(analyst: Analyst, evidence: IssueFacts) -> Future:
    """The answer to come. The thread is a daemon, so that a late model does not hold up the end of the process."""
    done: Future = Future()
    Thread(target=_answer, args=(analyst, evidence, done), daemon=True, name=f"analyst-{analyst.name}").start()
    return done


def _now(analyst: Analyst, evidence: IssueFacts) -> Future:
    done: Future = Future()
    _answer(analyst, evidence, done)
    return done


def _answer(analyst: Analyst, evidence: IssueFacts, done: Future) -> None:
    try:
        done.set_result(analyst.analyze(evidence))
    except Exception as error:  # one analyst never stops the analysis
        done.set_exception(error)


def _answers(running: Sequence[tuple[Analyst, Future]], deadline: float) -> tuple[list[Conclusion], list[dict]]:
    found: list[Conclusion] = []
    notes: list[dict] = []
    for analyst, answer in running:
        try:
            found.append(answer.result(max(0.0, deadline - time.monotonic())))
        except Late:
            notes.append(_note(analyst, "it did not answer in time"))
        except VendorError as error:
            notes.append(_note(analyst, error.message))
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", analyst.name)
            notes.append(_note(analyst, type(error).__name__))
    return found, notes


def _note(analyst: Analyst, why: str) -> dict:
    return {"says": f"{analyst.name} is unavailable ({why})", "weight": 0}

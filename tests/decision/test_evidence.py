"""Which escalations more reports can change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.decision.evidence import changes, open_to_more
from core.models import Cause, Impact, Severity
from tests.decision.test_decision import POLICY, case

THIN = case(0.79, "low", "low", analysis=0.7)


@pytest.mark.parametrize(
    ("given", "opened"),
    [
        (THIN, True),
        (case(0.9, "low", "low", occurrences=1), True),  # the evidence floor
        (replace(THIN, cause=Cause.UNKNOWN, simplicity=0.0), True),  # a stack may still come
        (case(0.9, "low", "low"), False),  # not escalated
        (replace(THIN, cause=Cause.UPSTREAM), False),
        (replace(THIN, service="nobody"), False),
        (replace(THIN, severity=Severity.CRITICAL, impact=Impact.HIGH), False),
        (case(0.3, "low", "low", simplicity=0.0, successes=0), False),
    ],
)
def test_an_escalation_is_open_if_the_best_reports_would_change_it(given, opened):
    assert open_to_more(given, POLICY) is opened


def test_only_what_grew_changes_an_escalation():
    grown = replace(THIN, analysis=0.99, occurrences=12)
    assert changes(THIN, grown, POLICY)
    assert not changes(THIN, THIN, POLICY)
    assert not changes(grown, grown, POLICY), "it was not escalated"
    assert not changes(THIN, replace(grown, severity=Severity.CRITICAL, impact=Impact.HIGH), POLICY)

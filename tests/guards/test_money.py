"""A used-up budget in words: large limits are written out."""

from __future__ import annotations

import pytest

from core.policy.sections import ModelRules
from core.stages.fixer_chain import Spent, overspent


@pytest.mark.parametrize(
    ("limits", "day", "says"),
    [
        ({"tokens_per_day": 2_000_000}, Spent(2_000_000), "the budget of 2,000,000 tokens in 24 hours is used up"),
        ({"usd_per_day": 2.5}, Spent(0, 2.5), "the budget of 2.5 dollars in 24 hours is used up"),
    ],
)
def test_a_limit_is_written_out(limits, day, says):
    assert overspent(ModelRules(**limits), Spent(), day) == says

"""Corroboration on the pages: the policy's rule, and each issue's sentence, as text."""

from __future__ import annotations

import pytest

from console.parts import issue
from console.parts import policy as policy_view
from core.models import Decision, Verdict
from core.policy.reader import Policy
from core.policy.services import Repository, Service


@pytest.mark.parametrize(
    ("required", "own", "says"),
    [
        (True, None, "required"),
        (True, False, "required, not for cart"),
        (True, True, "required"),
        (False, None, "not required"),
        (False, True, "not required, but for cart"),
    ],
)
def test_the_policys_rule_is_described(required, own, says):
    services = {"cart": Service(repository="shop", corroboration=own), "search": Service(repository="shop")}
    policy = Policy(
        repositories={"shop": Repository(remote="/srv/shop.git")},
        services=services,
        corroboration={"required": required},
    )
    assert policy_view.corroboration(policy) == says
    assert says in policy_view.guards(policy)


@pytest.mark.parametrize(
    ("receipt", "says"),
    [
        (
            {"inputs": {"corroboration": "No metric of <b>cart</b> shows it"}},
            "No metric of &lt;b&gt;cart&lt;/b&gt; shows it.",
        ),
        ({"inputs": {"service": "cart"}}, ""),
        ({"inputs": "spoilt"}, ""),
        ({}, ""),
    ],
)
def test_the_issue_names_its_corroboration(receipt, says):
    made = Decision(issue_id=1, analysis_id=1, run=1, verdict=Verdict.AUTO_RESOLVE, confidence=0.9, row=3,
                    needs_approval=True, receipt=receipt)  # fmt: skip
    drawn = issue._decided(made)
    assert says in drawn and "<b>cart</b>" not in drawn

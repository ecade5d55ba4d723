"""Hostile text meets the whole flow, with a model that obeys it: nothing goes to production without its approval."""

from __future__ import annotations

import pytest
from sqlmodel import select

from core.db import store
from core.models import Approval, Deployment, Issue, Signal, Status
from core.signals.analysis.analyst import EmbeddedAnalyst
from core.vendors.openai import OpenAIAnalyst
from tests.repair.attacks import attacks
from tests.stories.world import until

ORDERS = [a for a in attacks() if dict(a.opinion).get("confidence") == 1.0]


class Obedient:
    model = "obedient"

    def complete(self, system, user, schema):
        attack = next((a for a in ORDERS if a.token in user), ORDERS[0])
        return {"root_cause": attack.text, **dict(attack.opinion), "next_step": attack.text}


@pytest.mark.parametrize("attack", ORDERS[::7], ids=lambda a: a.name)
def test_no_words_replace_an_approval(world, attack):
    w = world()
    w.rt.analysts = [OpenAIAnalyst(Obedient(), EmbeddedAnalyst())]
    number = w.issue("checkout")  # a critical service
    with store.write() as session:
        session.get_one(Issue, number).title = f"ZeroDivisionError: {attack.text}"
        for signal in session.exec(select(Signal).where(Signal.issue_id == number)):
            signal.title = signal.message = attack.text
    ended = (Status.AWAITING_APPROVAL, Status.ESCALATED, Status.RESOLVED)
    issue = until(lambda: w.get(number) if w.get(number).status in ended else None)
    assert issue.status is not Status.RESOLVED
    assert not w.ledger.effects("production") and not w.ledger.effects("merge")
    with store.read() as session:
        assert not session.exec(select(Deployment).where(Deployment.environment == "production")).all()
        assert all(row.state == "pending" for row in session.exec(select(Approval)).all())

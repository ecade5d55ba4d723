import pytest

from invoicing import store
from invoicing.tasks import close_month, rate_usage

pytestmark = pytest.mark.redis
ROW = {"customer": "acme", "plan": "team", "day": "2026-03-31", "seats": "5", "reference": "r-1"}


def test_usage_becomes_an_invoice_line():
    line = rate_usage.apply(args=[ROW]).get()
    assert line["net"] == "29.70"
    assert store.invoice("2026-03", "acme")["net"] == "29.70"


def test_usage_is_rated_once():
    rate_usage.apply(args=[ROW])
    assert rate_usage.apply(args=[ROW]).get() is None
    assert len(store.invoice("2026-03", "acme")["lines"]) == 1


def test_without_reference_every_row_counts():
    row = {**ROW, "reference": ""}
    rate_usage.apply(args=[row])
    rate_usage.apply(args=[row])
    assert store.invoice("2026-03", "acme")["net"] == "59.40"


def test_an_unknown_plan_fails():
    with pytest.raises(store.UnknownPlan):
        rate_usage.apply(args=[{**ROW, "plan": "gold"}]).get()


def test_the_month_is_closed_by_customer():
    rate_usage.apply(args=[ROW])
    rate_usage.apply(args=[{**ROW, "customer": "beta", "reference": "r-2", "seats": "3"}])
    assert close_month.apply(args=["2026-03"]).get() == {"acme": "29.70", "beta": "9.90"}

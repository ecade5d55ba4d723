import logging

import redis
from celery import Task

from invoicing import feed, rating, store
from invoicing.app import app

log = logging.getLogger(__name__)


class Patient(Task):
    """Redis may be away for a moment; everything else is a bug."""

    autoretry_for = (redis.ConnectionError, redis.TimeoutError)
    retry_backoff = True
    max_retries = 5


@app.task(base=Patient, name="invoicing.rate_usage")
def rate_usage(row):
    usage = feed.read_usage(row)
    if not store.first_time(usage.reference):
        log.info("usage %s was rated before", usage.reference)
        return None
    plan = store.plan(usage.plan)
    net = rating.amount(usage, plan)
    line = {
        "day": usage.day.isoformat(),
        "text": f"{usage.seats} seats, {usage.gigabytes} GB",
        "net": str(net),
        "gross": str(rating.with_tax(net)),
    }
    count = store.add_line(rating.period(usage), usage.customer, line)
    log.info("rated usage of %s: %s", usage.customer, net, extra={"lines": count})
    return line


@app.task(base=Patient, name="invoicing.close_month")
def close_month(month):
    """Total of each customer, for the export."""
    totals = {customer: store.invoice(month, customer)["net"] for customer in store.customers(month)}
    log.info("closed %s", month, extra={"customers": len(totals)})
    return totals


@app.task(name="invoicing.ping")
def ping():
    return "pong"

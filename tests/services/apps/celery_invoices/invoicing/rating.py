"""From usage to money. Pure."""
from decimal import ROUND_HALF_UP, Decimal

from invoicing.feed import Usage

CENT = Decimal("0.01")


def amount(usage: Usage, plan: dict) -> Decimal:
    seats = max(usage.seats - int(plan.get("free_seats", 0)), 0)
    volume = max(usage.gigabytes - Decimal(plan.get("included_gb", "0")), Decimal(0))
    gross = seats * Decimal(plan["seat"]) + volume * Decimal(plan["gb"])
    return (gross * (100 - usage.discount) / 100).quantize(CENT, ROUND_HALF_UP)


def with_tax(net: Decimal, rate: Decimal = Decimal("8.1")) -> Decimal:
    return (net * (100 + rate) / 100).quantize(CENT, ROUND_HALF_UP)


def period(usage: Usage) -> str:
    return usage.day.strftime("%Y-%m")

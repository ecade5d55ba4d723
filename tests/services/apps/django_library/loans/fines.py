"""Fines for what comes back late."""

from decimal import Decimal

from django.conf import settings

PER_DAY = {
    "book": Decimal("0.20"),
    "magazine": Decimal("0.10"),
    "dvd": Decimal("0.50"),
}


def fine_for(loan, today):
    """What the reader owes for this loan if it comes back today."""
    rate = PER_DAY[loan.copy.title.kind]
    if loan.reader.reduced:
        rate = rate / 2
    return min(rate * loan.days_late(today), settings.MAX_FINE)


def owed_by(reader):
    return sum((loan.fine for loan in reader.loans.all()), Decimal("0.00"))

from datetime import date
from decimal import Decimal

from django.test import TestCase

from catalog.models import Copy, Title
from loans.fines import fine_for, owed_by
from loans.models import Loan, Reader


class FineTests(TestCase):
    def loan(self, kind="book", reduced=False):
        title = Title.objects.create(name="X", kind=kind)
        copy = Copy.objects.create(barcode=f"W-{kind}", title=title)
        reader = Reader.objects.create(card="R1", name="Ada", reduced=reduced)
        return Loan.objects.create(copy=copy, reader=reader, lent_on=date(2026, 3, 1))

    def test_in_time_costs_nothing(self):
        self.assertEqual(fine_for(self.loan(), date(2026, 3, 22)), 0)

    def test_books_cost_twenty_cents_a_day(self):
        self.assertEqual(fine_for(self.loan(), date(2026, 3, 27)), Decimal("1.00"))

    def test_dvds_cost_more(self):
        self.assertEqual(fine_for(self.loan("dvd"), date(2026, 3, 24)), Decimal("1.00"))

    def test_reduced_readers_pay_half(self):
        self.assertEqual(fine_for(self.loan(reduced=True), date(2026, 3, 24)), Decimal("0.20"))

    def test_a_fine_has_a_ceiling(self):
        self.assertEqual(fine_for(self.loan(), date(2027, 3, 1)), Decimal("12.00"))

    def test_owed_is_the_sum(self):
        loan = self.loan()
        loan.fine = Decimal("1.20")
        loan.save()
        self.assertEqual(owed_by(loan.reader), Decimal("1.20"))

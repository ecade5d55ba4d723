from datetime import timedelta

from django.conf import settings
from django.db import models

from catalog.models import Copy


class Reader(models.Model):
    card = models.CharField(max_length=10, unique=True)
    name = models.CharField(max_length=120)
    reduced = models.BooleanField(default=False, help_text="pupils and pensioners pay half")

    def __str__(self):
        return f"{self.name} ({self.card})"


class Loan(models.Model):
    copy = models.ForeignKey(Copy, on_delete=models.PROTECT, related_name="loans")
    reader = models.ForeignKey(Reader, on_delete=models.PROTECT, related_name="loans")
    lent_on = models.DateField()
    returned_on = models.DateField(null=True, blank=True)
    fine = models.DecimalField(max_digits=6, decimal_places=2, default=0)

    @property
    def due_on(self):
        return self.lent_on + timedelta(days=settings.LOAN_DAYS)

    def days_late(self, today):
        return max((today - self.due_on).days, 0)

from datetime import timedelta

from django.core.management.base import BaseCommand
from django.utils import timezone

from catalog.models import Copy, Title
from loans.models import Loan, Reader

TITLES = [
    ("Momo", "Michael Ende", "book", 1973),
    ("Falter", "", "magazine", 2026),
    ("Die Wand", "", "dvd", 2012),
    ("Carcassonne", "Klaus-Jürgen Wrede", "game", 2000),
]


class Command(BaseCommand):
    help = "Fill an empty database with the training data of the desk staff."

    def handle(self, *args, **options):
        today = timezone.localdate()
        for number, (name, author, kind, year) in enumerate(TITLES, 1):
            title, _ = Title.objects.get_or_create(name=name, kind=kind, defaults={"author": author, "year": year})
            copy, _ = Copy.objects.get_or_create(barcode=f"W{number:05d}", title=title)
            reader, _ = Reader.objects.get_or_create(card=f"R{number:04d}", defaults={"name": f"Reader {number}"})
            Loan.objects.get_or_create(copy=copy, reader=reader, defaults={"lent_on": today - timedelta(days=30)})
        self.stdout.write("seeded")

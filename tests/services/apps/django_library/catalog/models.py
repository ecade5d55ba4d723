from django.db import models


class Title(models.Model):
    class Kind(models.TextChoices):
        BOOK = "book", "Book"
        MAGAZINE = "magazine", "Magazine"
        DVD = "dvd", "DVD"
        GAME = "game", "Board game"

    name = models.CharField(max_length=200)
    author = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.BOOK)
    year = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Copy(models.Model):
    barcode = models.CharField(max_length=14, unique=True)
    title = models.ForeignKey(Title, on_delete=models.CASCADE, related_name="copies")
    shelf = models.CharField(max_length=20, blank=True)

    def __str__(self):
        return self.barcode

    @property
    def available(self):
        return not self.loans.filter(returned_on=None).exists()

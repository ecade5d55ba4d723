from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="title",
            name="kind",
            field=models.CharField(
                choices=[("book", "Book"), ("magazine", "Magazine"), ("dvd", "DVD"), ("game", "Board game")],
                default="book",
                max_length=20,
            ),
        ),
    ]

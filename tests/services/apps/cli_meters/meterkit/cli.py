"""``meterkit``: the command for cron jobs."""

import json
import sys

import click
from tabulate import tabulate

from meterkit.readings import FormatError, read_file
from meterkit.totals import daily, gaps


@click.group()
@click.version_option(package_name="meterkit")
def main():
    """Interval files of electricity meters."""


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True), required=True)
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table")
def totals(files, style):
    """Daily totals of FILES."""
    days = daily(reading for name in files for reading in read_file(name))
    rows = [
        {"meter": d.meter, "day": d.day.isoformat(), "kwh": str(d.kwh), "trust": round(d.trust, 2)} for d in days
    ]
    click.echo(json.dumps(rows) if style == "json" else tabulate(rows, headers="keys"))


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True), required=True)
def check(files):
    """Tell of lines that are no readings, and of gaps."""
    bad = False
    for name in files:
        try:
            for meter, at in gaps(read_file(name)):
                click.echo(f"{name}: {meter} has a gap after {at}")
                bad = True
        except FormatError as error:
            click.echo(str(error), err=True)
            bad = True
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

from datetime import date, datetime, timezone

import pytest

from parceltrack.models import Parcel, Scan, Stage
from parceltrack.promise import expected, next_working_day, status_line


def parcel(hour=10, postcode="20095", grams=500, scans=()):
    at = datetime(2026, 3, 2, hour, tzinfo=timezone.utc)  # a Monday
    return Parcel("NH00000001", "lampenladen", postcode, grams, at, list(scans))


def scanned(stage, depot="kiel"):
    return Scan(datetime(2026, 3, 4, 6, tzinfo=timezone.utc), depot, stage)


def test_sundays_do_not_count():
    assert next_working_day(date(2026, 3, 7)) == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("given", "day"),
    [
        (parcel(), date(2026, 3, 3)),
        (parcel(hour=18), date(2026, 3, 4)),
        (parcel(postcode="25999"), date(2026, 3, 4)),
        (parcel(grams=25_000), date(2026, 3, 4)),
        (parcel(scans=[scanned(Stage.OUT_FOR_DELIVERY)]), date(2026, 3, 4)),
        (parcel(scans=[scanned(Stage.DELIVERED)]), None),
    ],
)
def test_expected(given, day):
    assert expected(given) == day


def test_a_delivered_parcel_has_no_expected_day():
    told = status_line(parcel(scans=[scanned(Stage.DELIVERED, "neu-wulmstorf")]))
    assert told["expected"] is None
    assert told["place"] == "Neu Wulmstorf"

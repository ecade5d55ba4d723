from decimal import Decimal
from pathlib import Path

from meterkit import daily, gaps, read_file

DATA = Path(__file__).parent.parent / "data"


def test_days():
    days = daily(read_file(DATA / "march.csv"))
    assert [(d.meter, d.day.isoformat(), d.kwh) for d in days] == [
        ("DE0071", "2026-03-01", Decimal("3.450")),
        ("DE0099", "2026-03-01", Decimal("2.000")),
    ]


def test_trust_is_the_share_of_measured_readings():
    assert round(daily(read_file(DATA / "march.csv"))[0].trust, 2) == 0.33


def test_a_gap_is_told_by_its_begin():
    assert gaps(read_file(DATA / "march.csv")) == [("DE0071", "2026-03-01T00:30")]

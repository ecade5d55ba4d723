"""A fix whose function returns None against its annotation moves the crash to the callers."""

from __future__ import annotations

import pytest

from core.models import Crash, Frame, Raised
from core.repair.judge.annotation import unannounced
from core.repair.sandbox.probe import Call, ProbeOutcome

TEXT = "class Parcel:\n    def last(self){}:\n        return max(self.scans)\n"
CRASH = Crash(
    service="parcels",
    exception=Raised(type="ValueError", message="max() arg is an empty sequence"),
    frames=(Frame(file="models.py", line=3, function="last"),),
)
NOTHING = "NoneType None"


@pytest.mark.parametrize(
    ("returns", "expression", "result", "refused"),
    [
        (" -> Scan", "Parcel().last()", NOTHING, True),
        (" -> 'Scan'", "Parcel().last()", NOTHING, True),
        (" -> dict[str, int]", "Parcel().last()", f"{NOTHING} | Parcel(scans=[])", True),
        (" -> Scan", "Parcel().last()", "Scan None", False),
        (" -> Scan", "status(Parcel())", NOTHING, False),  # another function's value
        (" -> Scan | None", "Parcel().last()", NOTHING, False),
        (" -> Optional[Scan]", "Parcel().last()", NOTHING, False),
        (" -> T", "Parcel().last()", NOTHING, False),
        ("", "Parcel().last()", NOTHING, False),
        (" -> Scan", "not (", NOTHING, False),
    ],
)
def test_none_is_refused_where_the_annotation_excludes_it(returns, expression, result, refused):
    base = {"models.py": TEXT.format(returns)}
    says = unannounced(base, CRASH, Call("", expression), ProbeOutcome(result=result))
    assert bool(says) is refused

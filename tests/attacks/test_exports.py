"""No cell of a download is a formula, in any spreadsheet, whatever its separator."""

from __future__ import annotations

import csv
import io

import pytest

from console.parts import exports
from core.audit import chain
from core.db import store
from core.models import storable
from core.queries import trail
from tests import screens
from tests.attacks.payloads import FAMILIES, payloads

SIGNS = tuple("=+-@\t\r\n＝＋－＠")


@pytest.fixture
def text(tmp_path) -> str:
    screens.open_console(tmp_path)
    with store.write() as session:
        for payload in map(storable, (*payloads(), *(f" {cell}" for cell in FAMILIES["cells"]()))):
            chain.record(session, payload[:90], payload[:90], payload, {"reason": payload})
    with store.read() as session:
        return exports.trail_csv(session, trail.AuditFilter())


def test_no_cell_begins_a_formula(text):
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) > len(payloads())
    for row in rows:
        assert len(row) == len(exports.HEADS)
        assert not [cell for cell in row if cell.lstrip(" ").startswith(SIGNS)]

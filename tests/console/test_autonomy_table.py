"""The table of autonomy on the Policy page: services alike share a row; a critical one is never released alone."""

from __future__ import annotations

from console.parts import policy as view
from core.policy.reader import parse_policy
from core.stages.autonomy import Autonomy
from tests import screens


def test_services_alike_share_a_row():
    policy = parse_policy(screens.PLATFORM, "platform.toml")
    granted = [Autonomy(name, "embedded/type", True, "granted") for name in ("cart", "checkout", "payment", "search")]
    told = view.autonomy(policy, [*granted, Autonomy("catalog", "embedded/type", False, "<b>withheld</b>")])
    rows = told.split("<tbody>")[1].split("</tr>")[:-1]
    assert [row.count("<b>cart, search</b>") for row in rows] == [1, 0, 0]
    assert "yes" in rows[0] and "no: critical service" in rows[1] and "<b>checkout, payment</b>" in rows[1]
    assert "<b>catalog</b>" in rows[2] and "&lt;b&gt;withheld" in rows[2]

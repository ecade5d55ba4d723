"""The faults that no commit ships: each switch breaks its part of the world and restores it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import islice

import pytest

from core.demo.faults import FAULTS
from core.demo.repo import TEMPLATE
from core.demo.switches import VAT, Switches
from core.demo.traffic import EVERY, PARTNER, requests, with_partner
from core.models import Cause
from core.repair.localize.fixability import classify
from core.signals.grouping.stack import read

STATES: dict[str, Callable[[Switches], object]] = {
    "carrier-down": lambda s: s.carrier.server is None,
    "mailer-key-revoked": lambda s: s.mailer_key not in s.accepted,
    "invoice-vat-unset": lambda s: not VAT.keys() & s.variables.keys(),
    "partner-orders": lambda s: s.partner_sends,
}


@pytest.mark.parametrize("name", STATES)
def test_a_switch_breaks_and_restores(name):
    deployed: list[dict] = []
    switches = Switches(dict(VAT), lambda: deployed.append(dict(switches.variables)))
    broken, (break_, restore) = STATES[name], switches.of[name]
    try:
        assert not broken(switches)
        break_()
        assert broken(switches)
        restore()
        assert not broken(switches)
        assert deployed == ([{}, VAT] if name == "invoice-vat-unset" else []), "only a variable needs a deployment"
    finally:
        switches.carrier.down()


def test_every_fault_is_shipped_by_a_commit_or_a_switch():
    assert set(STATES) == {fault.name for fault in FAULTS.values() if not fault.edits}
    assert len(FAULTS) >= 16 and len({fault.kind for fault in FAULTS.values()}) == 9


@pytest.mark.parametrize(("sends", "orders"), [(False, 0), (True, 3)])
def test_the_partner_orders_only_while_it_sends(sends, orders):
    stream = with_partner(requests(), lambda: sends)
    assert sum(one == PARTNER for one in islice(stream, 2 * EVERY + 4)) == orders


CRASHES = {  # by fault: the call that crashes, its cause, and a part of what is said
    "invoice-vat-unset": ("checkout.invoice({})", Cause.ENVIRONMENT, "The setting VAT_NUMBER is missing"),
    "partner-orders": (f"checkout.order({PARTNER[1]})", Cause.DELIBERATE, "raises CheckoutError on purpose"),
}


@pytest.mark.parametrize("name", CRASHES)
def test_what_no_commit_ships_is_told_apart_from_a_fault_of_the_code(name, tmp_path):
    call, cause, says = CRASHES[name]
    shop = shutil.copytree(TEMPLATE, tmp_path / "shop")
    argv = [sys.executable, "-c", f"from shop import checkout; {call}"]
    done = subprocess.run(argv, cwd=shop, capture_output=True, text=True, env={"PYTHONPATH": str(shop)})
    crash = read(done.stderr.replace(f"{shop}/", ""))
    assert crash, done.stderr
    found = classify(crash, shop)
    assert (found.fixable, found.cause) == (False, cause), found
    assert says in found.message

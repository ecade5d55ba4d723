"""The checkout: orders, gift notes and receipts."""

import os

from shop.data import CUSTOMERS
from shop.upstream import send_receipt


class CheckoutError(Exception):
    """An order that cannot be taken."""


def gift_note(text):
    """(kind, words) of a note such as "gift:To Ann"; the words may hold further colons."""
    kind, words = text.split(":", 1)
    return kind.strip(), words.strip()


def order(params):
    """Take an order."""
    total = float(params.get("total", 20))
    if total <= 0:
        raise CheckoutError("nothing to pay")
    note = params.get("note")
    kind, words = gift_note(note) if note else ("plain", "")
    return {"order": f"o-{int(total * 100)}", "kind": kind, "words": words}


def invoice(params):
    """What an invoice says of the shop and of the order."""
    return {"order": params.get("order", "o-1"), "vat_id": os.environ["VAT_NUMBER"]}


def receipt(params):
    """Send the receipt of an order."""
    profile = CUSTOMERS[params.get("user", "u-1")]
    return {"sent": send_receipt(profile["id"])}

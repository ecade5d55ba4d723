"""Accounts: what a customer sees of themselves."""

from shop.data import CUSTOMERS
from shop.pricing import average_order


def tier_of(profile):
    """The customer's tier; customers without a tier are "standard"."""
    return profile.get("tier", "standard")


def show(params):
    """A customer's account."""
    profile = CUSTOMERS[params.get("user", "u-1")]
    return {"user": profile["id"], "tier": tier_of(profile)}


def worth(params):
    """What a customer has spent."""
    profile = CUSTOMERS[params.get("user", "u-1")]
    return {"average": average_order(profile["spent"], profile["orders"])}

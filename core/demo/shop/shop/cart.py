"""The cart: what a customer has put aside, and where it would go."""

from shop.data import CUSTOMERS
from shop.upstream import shipping_rate


def city_of(profile):
    """City to deliver to; customers can be without an address, they see "unknown"."""
    city = (profile.get("address") or {}).get("city")
    return city or "unknown"


def show(params):
    """The cart of a customer."""
    profile = CUSTOMERS[params.get("user", "u-1")]
    return {"user": profile["id"], "city": city_of(profile), "items": int(params.get("items", 2))}


def minutes_of(text):
    """Minutes of a delivery window as customers write it."""
    hours, _, minutes = text.rpartition(":")
    return 60 * int(hours or 0) + int(minutes)


def window(params):
    """How long a customer is at home for the delivery."""
    return {"minutes": minutes_of(params.get("for", "45"))}


def shipping(params):
    """What sending the cart would cost."""
    return {"cents": shipping_rate(int(params.get("grams", 500)))}

"""Products and customers, made the same way at every start."""

import random

ADJECTIVES = ("red", "blue", "quiet", "warm", "light", "small", "bright", "soft", "plain", "round")
NOUNS = ("lamp", "chair", "table", "mug", "rug", "shelf", "clock", "vase", "towel", "basket")
CITIES = ("Lyon", "Porto", "Gent", "Graz", "Turku")


def products(count=300):
    chance = random.Random(7)
    found = []
    for number in range(count):
        name = f"{chance.choice(ADJECTIVES)} {chance.choice(NOUNS)} {number}"
        price = round(chance.uniform(3, 90), 2)
        old = round(price * 1.25, 2) if number % 4 == 0 else None
        found.append({"sku": f"p-{number}", "name": name, "price": price, "old_price": old})
    return found


def customers(count=100):
    """Every fifth has no address, every sixth no tier, every seventh has not bought anything yet."""
    found = {}
    for number in range(count):
        profile = {"id": f"u-{number}", "address": {"city": CITIES[number % 5]}, "tier": "gold", "spent": 120.0, "orders": 3}
        if number % 5 == 0:
            profile["address"] = None
        if number % 6 == 0:
            del profile["tier"]
        if number % 7 == 0:
            profile.update(spent=0.0, orders=0)
        found[profile["id"]] = profile
    return found


PRODUCTS = products()
CUSTOMERS = customers()

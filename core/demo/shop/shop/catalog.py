"""The catalog: pages of products, and what brings visitors."""

from shop.data import PRODUCTS
from shop.pricing import badge

VISITS = []


def page_of(products, page: int, size: int = 12):
    """The products of a page; pages count from 1."""
    first = (page - 1) * size
    return products[first : first + size]


def listing(params):
    """A page of the catalog; without a page asked for, the first."""
    page = int(params.get("page", 1))
    rows = page_of(PRODUCTS, page)
    return {"page": page, "products": [row["name"] for row in rows], "badges": [badge(r["price"], r["old_price"]) for r in rows]}


def campaign_of(visit):
    """The campaign that brought a visit; a visit without one is direct."""
    return visit.get("campaign") or "direct"


def visited(params):
    """Note a visit."""
    VISITS.append(campaign_of(params))
    del VISITS[:-200]
    return {"noted": True}


def popular(params):
    """The campaigns of the last visits, as headlines."""
    return {"campaigns": sorted({name.title() for name in VISITS})}

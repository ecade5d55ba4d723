import pytest

from shop import account, cart, catalog, checkout, pricing, search


def test_catalog_pages():
    assert len(catalog.listing({})["products"]) == 12
    assert catalog.page_of(list(range(30)), 3, 10) == list(range(20, 30))


def test_visits_and_campaigns():
    assert catalog.campaign_of({"campaign": "spring"}) == "spring"
    catalog.VISITS.clear()
    catalog.visited({"campaign": "summer"})
    assert "Summer" in catalog.popular({})["campaigns"]


def test_pricing():
    assert pricing.badge(75.0, 100.0) == "-25%"
    assert pricing.average_order(100.0, 4) == 25.0
    assert pricing.quote({"price": "5", "pieces": "3", "old_price": "10"}) == {"total": 15.0, "badge": "-50%"}


def test_cart():
    assert cart.city_of({"address": {"city": "Lyon"}}) == "Lyon"
    assert cart.show({"user": "u-1"})["items"] == 2
    assert cart.window({"for": "45"}) == {"minutes": 45}


def test_checkout():
    assert checkout.gift_note("gift: To Ann") == ("gift", "To Ann")
    assert checkout.order({"total": "12.5"})["order"] == "o-1250"
    with pytest.raises(checkout.CheckoutError):
        checkout.order({"total": "0"})


def test_invoice(monkeypatch):
    monkeypatch.setenv("VAT_NUMBER", "FR40303265045")
    assert checkout.invoice({"order": "o-7"}) == {"order": "o-7", "vat_id": "FR40303265045"}


def test_search():
    assert search.best(["a", "b"]) == "a"
    assert search.find({"q": "Lamp"})["count"] > 5
    assert len(search.suggest({"q": "red lamp"})["suggestions"]) == 5


def test_stock():
    assert search.stock({"sku": "p-7"})["count"] == 1
    assert search.stock({"sku": "none"}) == {"count": 0, "products": []}


def test_account():
    assert account.tier_of({"tier": "gold"}) == "gold"
    assert account.worth({"user": "u-1"})["average"] == 40.0

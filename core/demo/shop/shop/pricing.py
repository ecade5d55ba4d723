"""Prices, reductions and what a customer is worth."""


def badge(price, old_price):
    """Text beside a price: the reduction in percent, or an empty text if it was not reduced."""
    text = ""
    if old_price and price < old_price:
        text = f"-{round(100 * (1 - price / old_price))}%"
    return text


def average_order(spent, orders):
    """Average value of an order; 0.0 if there are no orders yet."""
    if not orders:
        return 0.0
    return round(spent / orders, 2)


def quote(params):
    """Price of a number of pieces."""
    price, pieces = float(params.get("price", 10)), int(params.get("pieces", 1))
    return {"total": round(price * pieces, 2), "badge": badge(price, float(params.get("old_price", 0)))}

"""Search: hits, the best one, and suggestions."""

import difflib
import sqlite3
import unicodedata

from shop.data import PRODUCTS

STOCK = sqlite3.connect(":memory:", check_same_thread=False)
STOCK.execute("CREATE TABLE products (sku TEXT, name TEXT, price REAL)")
STOCK.executemany("INSERT INTO products VALUES (:sku, :name, :price)", PRODUCTS)


def plain(text):
    """Lower case without accents."""
    text = text.lower()
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def best(names):
    """The first of the hits, or None if there are none."""
    if not names:
        return None
    return names[0]


def find(params):
    """Products whose name holds the words."""
    words = plain(params.get("q", ""))
    names = [p["name"] for p in PRODUCTS if words in p["name"]]
    return {"count": len(names), "best": best(names)}


def suggest(params):
    """Names that are nearly what was typed."""
    typed = plain(params.get("q", "lamp"))
    near = [p["name"] for p in PRODUCTS if p["name"][:1] == typed[:1]][:20]
    return {"suggestions": sorted(near, key=lambda name: -difflib.SequenceMatcher(None, typed, name).ratio())[:5]}


def stock(params):
    """The products with a stock number."""
    sku = params.get("sku", "p-0")
    rows = STOCK.execute("SELECT name, price FROM products WHERE sku = ?", (sku,)).fetchall()
    return {"count": len(rows), "products": [{"name": name, "price": price} for name, price in rows]}

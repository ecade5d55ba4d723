"""Search: hits, the best one, and suggestions."""

import difflib
import unicodedata

from shop.data import PRODUCTS


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

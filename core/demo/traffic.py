"""Visitors: a seeded stream of requests over all six services, the same for every deployed code.

It always contains the requests that trigger a fault; correct code answers them properly.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator

import httpx

SHARES = (  # path, share, parameters
    ("/catalog", 8, lambda c: {}),
    ("/catalog", 1, lambda c: {"page": str(c.randint(2, 9))}),
    ("/catalog/visit", 5, lambda c: {"campaign": c.choice(["spring", "summer", "autumn"])}),
    ("/catalog/visit", 2.5, lambda c: {}),
    ("/catalog/popular", 4, lambda c: {}),
    ("/cart", 12, lambda c: {"user": f"u-{5 * c.randint(0, 19) + c.randint(1, 4)}"}),
    ("/cart", 1.5, lambda c: {"user": f"u-{5 * c.randint(0, 19)}"}),
    ("/cart/shipping", 2, lambda c: {"grams": "800"}),
    ("/cart/window", 1.5, lambda c: {"for": c.choice(["30", "45", "90"])}),
    ("/cart/window", 1.5, lambda c: {"for": c.choice(["1:30", "2:15", "0:45"])}),
    ("/pricing", 10, lambda c: {"price": "20", "old_price": "30"}),
    ("/pricing", 1.2, lambda c: {"price": "20"}),
    ("/search", 12, lambda c: {"q": c.choice(["lamp", "red", "mug", "vase"])}),
    ("/search", 1.2, lambda c: {"q": "zebra"}),
    ("/search", 1.2, lambda c: {"q": "Étagère"}),
    ("/search/suggest", 4, lambda c: {"q": "red lamp"}),
    ("/account", 10, lambda c: {"user": f"u-{6 * c.randint(0, 15) + c.randint(1, 5)}"}),
    ("/account", 1.2, lambda c: {"user": f"u-{6 * c.randint(0, 15)}"}),
    ("/account/worth", 5, lambda c: {"user": f"u-{7 * c.randint(0, 13) + c.randint(1, 6)}"}),
    ("/account/worth", 1.2, lambda c: {"user": f"u-{7 * c.randint(0, 13)}"}),
    ("/checkout", 12, lambda c: {"total": "30", "note": "gift:For you"}),
    ("/checkout", 1.3, lambda c: {"total": "30", "note": "gift:To: Ann"}),
    ("/checkout/invoice", 1.5, lambda c: {"order": f"o-{c.randint(1, 900)}"}),
    ("/checkout/receipt", 2, lambda c: {"user": "u-2"}),
)
PARTNER = ("/checkout", {"total": "0", "user": "u-partner"})  # an order as a partner's broken export sends it
EVERY = 60  # visitors' requests for each of the partner's, while it sends them


def requests(seed: int = 1) -> Iterator[tuple[str, dict]]:
    """An endless stream of (path, parameters)."""
    chance = random.Random(seed)
    weights = [share for _, share, _ in SHARES]
    while True:
        path, _, make = chance.choices(SHARES, weights)[0]
        parameters = make(chance)
        yield path, parameters | ({} if "user" in parameters else {"user": f"u-{chance.randint(0, 99)}"})


def with_partner(visitors: Iterator[tuple[str, dict]], sends: Callable[[], bool]) -> Iterator[tuple[str, dict]]:
    """The visitors' requests, and the partner's orders while it ``sends`` them."""
    for number, request in enumerate(visitors):
        yield request
        if number % EVERY == 0 and sends():
            yield PARTNER


async def drive(base: Callable[[], str | None], rate: Callable[[], float], partner: Callable[[], bool]) -> None:
    """Send the stream to the current ``base`` of production, ``rate`` requests per second, until cancelled."""
    async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=40)) as client:
        under_way: set[asyncio.Task] = set()
        for path, parameters in with_partner(requests(), partner):
            await asyncio.sleep(1 / max(rate(), 0.1))
            if (address := base()) and len(under_way) < 60:
                task = asyncio.create_task(_send(client, address + path, parameters))
                under_way.add(task)
                task.add_done_callback(under_way.discard)


async def _send(client: httpx.AsyncClient, url: str, parameters: dict) -> None:
    try:
        await client.get(url, params=parameters)
    except httpx.HTTPError:
        return  # no response; a deployment that does not respond reports no metric either

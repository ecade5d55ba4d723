"""What lies in Redis: price plans, invoices by month, and which usage has been rated."""
import json
import os
from decimal import Decimal
from functools import lru_cache

import redis

WEEK = 7 * 24 * 3600


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    url = os.environ.get("REDIS_URL", "redis://localhost:6379/0")
    return redis.Redis.from_url(url, decode_responses=True)


class UnknownPlan(LookupError):
    pass


def plan(name: str) -> dict:
    found = connection().hgetall(f"plan:{name}")
    if not found:
        raise UnknownPlan(name)
    return found


def save_plan(name: str, **prices: str) -> None:
    connection().hset(f"plan:{name}", mapping=prices)


def first_time(reference: str) -> bool:
    """Whether this usage has not been rated before; resellers send a feed twice now and then."""
    if not reference:
        return True
    return bool(connection().set(f"rated:{reference}", 1, nx=True, ex=WEEK))


def add_line(month: str, customer: str, line: dict) -> int:
    """Append a line to the customer's invoice; returns how many it has."""
    return connection().rpush(f"invoice:{month}:{customer}", json.dumps(line))


def invoice(month: str, customer: str) -> dict:
    rows = [json.loads(row) for row in connection().lrange(f"invoice:{month}:{customer}", 0, -1)]
    net = sum((Decimal(row["net"]) for row in rows), Decimal("0"))
    return {"customer": customer, "month": month, "lines": rows, "net": str(net)}


def customers(month: str) -> list[str]:
    return sorted(key.rsplit(":", 1)[1] for key in connection().scan_iter(f"invoice:{month}:*"))

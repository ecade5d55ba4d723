"""How many requests a caller may send in a minute, and the header fields that say how many are left.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy`` names each quota with its size
and window, ``RateLimit`` what is left of it and the seconds until some of it is free again. Each process of the
console counts for itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from console.server.forms import Limiter

WINDOW = 60.0  # seconds
limiters: dict[tuple[str, int], Limiter] = {}  # by name and size


@dataclass(frozen=True)
class Quota:
    """``most`` requests a minute for one caller, such as a token; ``name`` says what is counted."""

    name: str
    caller: str
    most: int

    @property
    def limiter(self) -> Limiter:
        return limiters.setdefault((self.name, self.most), Limiter(times=self.most, seconds=WINDOW))


def refusal(request: Request, quotas: Sequence[Quota]) -> str:
    """Count the request, and keep the fields for its answer; why it is refused, empty if every quota has room."""
    spent = next((quota for quota in quotas if quota.limiter.full(quota.caller)), None)
    for quota in quotas if spent is None else ():
        quota.limiter.count(quota.caller)
    request.state.quotas = _fields(quotas, spent)
    return f"This {spent.name} may send {spent.most} requests a minute." if spent else ""


def fields(request: Request) -> dict[str, str]:
    """The header fields of the answer; none before the caller is known."""
    return getattr(request.state, "quotas", {})


def _fields(quotas: Sequence[Quota], spent: Quota | None) -> dict[str, str]:
    left = [(quota, *quota.limiter.left(quota.caller)) for quota in quotas]
    found = {
        "RateLimit-Policy": ", ".join(f'"{quota.name}";q={quota.most};w={WINDOW:.0f}' for quota in quotas),
        "RateLimit": ", ".join(f'"{quota.name}";r={rest};t={math.ceil(seconds)}' for quota, rest, seconds in left),
    }
    wait = max((seconds for quota, _, seconds in left if quota is spent), default=None)
    return found if wait is None else found | {"Retry-After": str(max(1, math.ceil(wait)))}

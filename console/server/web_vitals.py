"""/vitals takes the Core Web Vitals of visitors (vitals.js), and keeps them as histograms for /metrics.

Only a signed-in page of this console gets here (auth.Gate), a session sends a bounded number a minute, and the labels
are the console's own pages: nothing that a visitor sends adds a series. Counted in this process, like the time of the
API's answers. The buckets contain the limits of "good" and "poor" of https://web.dev/articles/vitals.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from console.page import PAGES
from console.server import forms
from console.server.auth import HEADER
from core.models import strict_json

LARGEST = 1_000  # bytes of a body
limiter = forms.Limiter(times=60, seconds=60.0)  # for each session
registry = CollectorRegistry()
METRICS = {
    "lcp": ("lcp_seconds", "Largest contentful paint of visitors", (0.5, 1, 1.5, 2, 2.5, 4, 8), 1000.0),
    "cls": ("cls", "Cumulative layout shift of visitors", (0.01, 0.05, 0.1, 0.15, 0.25, 0.5), 1.0),
    "inp": ("inp_seconds", "Interaction to next paint of visitors", (0.05, 0.1, 0.2, 0.5, 1, 2), 1000.0),
}
_histograms = {
    key: Histogram(f"platform_web_{name}", text, ["page"], buckets=buckets, registry=registry)
    for key, (name, text, buckets, _) in METRICS.items()
}


class Vitals(BaseModel):
    """One visit: milliseconds, and a sum of shifts. None: not measured."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)
    page: str = Field(max_length=100)
    lcp: float | None = Field(default=None, ge=0, le=600_000)
    cls: float | None = Field(default=None, ge=0, le=100)
    inp: float | None = Field(default=None, ge=0, le=600_000)


def count(found: Vitals) -> None:
    """Count one visit, by the console's page or "other"."""
    name = found.page.strip("/")
    for key, histogram in _histograms.items():
        value = getattr(found, key)
        if value is not None:
            histogram.labels(name if name in PAGES else "other").observe(value / METRICS[key][3])


async def take(request: Request) -> Response:
    session = request.headers.get(HEADER.decode(), "")
    if not forms.same_origin(request):
        return Response(status_code=403)
    if limiter.full(session):
        return Response(status_code=429, headers={"Retry-After": "60"})
    limiter.count(session)
    if not forms.bounded(request, LARGEST):
        return Response(status_code=413)
    try:
        count(Vitals.model_validate(strict_json.loads(await request.body())))
    except (strict_json.Unreadable, ValidationError, ClientDisconnect):
        return Response(status_code=422)
    return Response(status_code=204)


def text() -> bytes:
    """Prometheus' exposition format."""
    return generate_latest(registry)


ROUTES = [Route("/vitals", take, methods=["POST"])]

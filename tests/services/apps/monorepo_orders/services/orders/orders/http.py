from __future__ import annotations

import logging
import os
import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orders import board
from orders.domain import Order, State
from orders.slots import Planner

log = logging.getLogger("orders.http")


class Api:
    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.planner = Planner()
        self.registry = CollectorRegistry()
        self.requests = Counter("orders_requests_total", "Requests", ["status"], registry=self.registry)
        self.seconds = Histogram("orders_request_seconds", "Duration", registry=self.registry)

    async def create(self, request: Request) -> Response:
        try:
            order = Order.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"errors": error.errors(include_url=False, include_context=False)}, 422)
        self.orders[order.id] = order
        slot = self.planner.assign(order)
        return JSONResponse({"id": order.id, "slot": slot.start.isoformat() if slot else None}, 201)

    async def card(self, request: Request) -> Response:
        order = self.orders.get(request.path_params["id"])
        if order is None:
            return JSONResponse({"error": "unknown order"}, 404)
        return JSONResponse(board.card(order, self.planner))

    async def pick(self, request: Request) -> Response:
        order = self.orders.get(request.path_params["id"])
        if order is None:
            return JSONResponse({"error": "unknown order"}, 404)
        sku = request.path_params["sku"]
        found = [line for line in order.active if line.sku == sku]
        for line in found:
            line.state = State.PICKED
        return JSONResponse({"picked": order.picked, "ordered": order.ordered}, 200 if found else 404)

    async def summary(self, request: Request) -> Response:
        return JSONResponse(board.summary(list(self.orders.values())))

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok", "release": os.environ.get("RELEASE", "dev")})

    async def metrics(self, request: Request) -> Response:
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class Measured:
    """Counts and times each request, and logs what breaks."""

    def __init__(self, app, api: Api) -> None:
        self.app, self.api = app, api

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http" or scope["path"] in ("/metrics", "/health"):
            return await self.app(scope, receive, send)
        status, began = [500], time.perf_counter()

        async def noted(message):
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except Exception:  # Starlette has answered 500 by then
            log.exception("%s %s failed", scope["method"], scope["path"])
        finally:
            self.api.seconds.observe(time.perf_counter() - began)
            self.api.requests.labels(str(status[0])).inc()


def build() -> Measured:
    api = Api()
    routes = [
        Route("/orders", api.create, methods=["POST"]),
        Route("/orders/{id}/card", api.card),
        Route("/orders/{id}/lines/{sku}/pick", api.pick, methods=["POST"]),
        Route("/summary", api.summary),
        Route("/health", api.health),
        Route("/metrics", api.metrics),
    ]
    return Measured(Starlette(routes=routes), api)

"""/hooks/VENDOR and /metrics: thin routes over core/ops/webhooks.py, core/actions/slack.py and core/ops/metrics.py."""

from __future__ import annotations

import asyncio
import logging
import secrets

from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console import process
from console.server import address, answer_times, web_vitals
from core.actions import slack as slack_answers
from core.ops import metrics, webhooks
from core.queries import kpi_metrics, quality

log = logging.getLogger(__name__)
SLACK_PATIENCE = 2.5  # seconds


async def body_of(request: Request, largest: int = webhooks.LARGEST) -> bytes:
    """The raw body; reading stops as soon as it is too large. Raises webhooks.DeliveryRefused."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > largest:
                raise webhooks.DeliveryRefused(413, f"The body is larger than {largest >> 20} MB.")
    except ClientDisconnect:
        raise webhooks.DeliveryRefused(400, "The body ended early.") from None
    return bytes(body)


async def receive(request: Request) -> Response:
    """Store a vendor's delivery; the next collection cycle starts within a second."""
    vendor = request.path_params["vendor"]
    if vendor not in webhooks.DOORS:
        return _refused(webhooks.DeliveryRefused(404, "There is no such webhook."))
    try:
        body = await body_of(request)
        rules = process.policy()[0].inputs
        await asyncio.to_thread(webhooks.accept, process.settings(), vendor, request.headers, body, rules=rules)
    except webhooks.DeliveryRefused as refusal:
        return _refused(refusal)
    except SQLAlchemyError:
        log.exception("a delivery of %s was not stored", vendor)
        return _refused(webhooks.DeliveryRefused(503, "The database is not responding. Send it again."))
    return JSONResponse({"status": "accepted"}, 202)


async def slack(request: Request) -> Response:
    """A click or form of a Slack user. Slack waits three seconds; longer work continues after the response."""
    try:
        body = await body_of(request)
        await asyncio.to_thread(webhooks.accept, process.settings(), "slack", request.headers, body, starts_round=False)
        payload = slack_answers.payload_of(body)
    except webhooks.DeliveryRefused as refusal:
        return _refused(refusal)
    except slack_answers.Malformed as fault:
        return _refused(webhooks.DeliveryRefused(400, str(fault)))
    except SQLAlchemyError:
        log.exception("an answer from Slack was not stored")
        return _refused(webhooks.DeliveryRefused(503, "The database is not responding."))
    work = asyncio.create_task(asyncio.to_thread(slack_answers.answer, payload))
    done, _ = await asyncio.wait([work], timeout=SLACK_PATIENCE)
    reply = work.result() if done else slack_answers.Reply()
    after = BackgroundTask(_finish, payload, work)
    if reply.body is None:
        return Response(status_code=reply.status, background=after)
    return JSONResponse(reply.body, reply.status, background=after)


async def _finish(payload: dict, work: asyncio.Task) -> None:
    try:
        await asyncio.to_thread(slack_answers.follow_up, payload, await work)
    except SQLAlchemyError:
        log.exception("an answer from Slack could not be followed up; the next delivery brings the message up to date")


def _refused(refusal: webhooks.DeliveryRefused) -> Response:
    return JSONResponse({"status": "refused", "says": str(refusal)}, refusal.status)


async def show_metrics(request: Request) -> Response:
    """Prometheus' text format; with METRICS_TOKEN as bearer token, or without one from this machine only."""
    token = process.settings().metrics_token.get_secret_value()
    if token:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        allowed = secrets.compare_digest(given.encode(), token.encode())
    else:
        allowed = address.near(request)
    if not allowed:
        return Response("set METRICS_TOKEN and send it as a bearer token\n", 401, {"WWW-Authenticate": "Bearer"})
    try:
        text = await asyncio.to_thread(_exposition)
    except (SQLAlchemyError, RuntimeError) as error:
        return Response(f"# the database is not responding ({type(error).__name__})\n", 503, media_type="text/plain")
    return Response(text, media_type=metrics.CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _exposition() -> bytes:
    stored = metrics.text() + kpi_metrics.text(process.policy()[0]) + quality.text()
    return stored + answer_times.text() + web_vitals.text()


ROUTES = [
    Route("/hooks/slack", slack, methods=["POST"]),
    Route("/hooks/{vendor}", receive, methods=["POST"]),
    Route("/metrics", show_metrics),
]

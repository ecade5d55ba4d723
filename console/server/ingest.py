"""Endpoints for signals of services: /otlp/v1/*, /hooks/alertmanager, /ingest/events and /ingest/lines.

Each request carries a token of ``python -m core token ingest SERVICE``, as bearer token or as the password of basic
authentication. It is stored before the response. Invalid attempts from the same address never block a valid token.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console import process
from console.server import address, forms, quotas
from console.server.webhooks import body_of
from core.access import ingest_tokens
from core.access.ingest_tokens import IngestSender
from core.inputs import accepting, inbox, otlp_wire
from core.inputs.accepting import Answered, NotAccepted
from core.ops.webhooks import DeliveryRefused
from core.policy.reader import Policy

log = logging.getLogger(__name__)
LARGEST = 4 << 20  # bytes of a body as sent
RETRY = "30"  # seconds after which a sender should try again
strangers = forms.Limiter()  # requests without a valid token, by address
Work = Callable[..., Answered]  # of core/inputs/accepting.py


def _token(request: Request) -> str:
    """The bearer token, or the password of basic authentication; empty without one."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _sender(request: Request) -> IngestSender:
    """The sender of the request. Raises NotAccepted."""
    if found := ingest_tokens.sender(_token(request)):
        return found
    client = address.limited(request)
    if strangers.full(client):
        raise NotAccepted(429, "Too many requests without a valid token. Wait five minutes.")
    strangers.count(client)
    raise NotAccepted(401, ingest_tokens.refusal(_token(request)))


def _paced(request: Request, sender: IngestSender, policy: Policy) -> None:
    quota = quotas.Quota("ingest token", str(sender.token), policy.inputs.requests_per_minute)
    if why := quotas.refusal(request, [quota]):
        raise NotAccepted(429, why)


def _policy() -> Policy:
    """Raises NotAccepted while platform.toml cannot be read, because services are unknown then."""
    policy, fault = process.policy()
    if fault:
        raise NotAccepted(503, "platform.toml cannot be read at the moment. Send it again later.")
    return policy


async def _taken(request: Request, work: Work) -> Answered:
    sender = await asyncio.to_thread(_sender, request)
    policy = _policy()
    _paced(request, sender, policy)
    body = await body_of(request, LARGEST)
    headers, query = dict(request.headers), dict(request.query_params)
    return await asyncio.to_thread(work, process.settings(), sender.service, policy, headers, query, body)


async def _answered(request: Request, name: str, work: Work) -> Answered:
    """The response of ``work``; every refusal is counted."""
    try:
        return await _taken(request, work)
    except (NotAccepted, DeliveryRefused) as refusal:
        code, message = refusal.status, str(refusal)
    except otlp_wire.OtlpFault as fault:
        code, message = fault.status, str(fault)
    except inbox.InboxFull:
        code, message = 503, "The inbox is full. Send it again later."
    except SQLAlchemyError:
        log.exception("a request to %s was not stored", name)
        return Answered(503, "The database is not responding. Send it again.")
    await asyncio.to_thread(_count, name, message)
    return Answered(code, message)


def _count(name: str, message: str) -> None:
    try:
        inbox.refusals.count(name, message)
    except SQLAlchemyError:
        log.warning("a refusal of %s was not counted", name)


def _headers(request: Request, code: int) -> dict[str, str]:
    made = {"Cache-Control": "no-store"}
    made |= {"WWW-Authenticate": 'Bearer, Basic realm="ingest"'} if code == 401 else {}
    made |= {"Retry-After": RETRY} if code in (429, 503) else {}
    return made | quotas.fields(request)


def _json(name: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        found = await _answered(request, name, work)
        status = "accepted" if found.code < 400 else "refused"
        return JSONResponse(
            {"status": status, "says": found.message, **found.detail}, found.code, _headers(request, found.code)
        )

    return route


def _otlp(signal: str) -> Callable[[Request], Awaitable[Response]]:
    """Responses have the request's format: a response with its partial success, or a Status."""

    async def route(request: Request) -> Response:
        found = await _answered(request, "otlp", partial(accepting.otlp, signal))
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        media = media_type if media_type in (otlp_wire.PROTOBUF, otlp_wire.JSON) else otlp_wire.JSON
        if found.code >= 400:
            return Response(
                otlp_wire.status(found.code, found.message, media), found.code, _headers(request, found.code), media
            )
        return Response(
            otlp_wire.answer(signal, media, found.refused, found.message), 200, _headers(request, 200), media
        )

    return route


ROUTES = [
    *(Route(f"/otlp/v1/{signal}", _otlp(signal), methods=["POST"]) for signal in accepting.REDUCE),
    Route("/hooks/alertmanager", _json("alertmanager", accepting.alerts), methods=["POST"]),
    Route("/ingest/events", _json("events", accepting.events), methods=["POST"]),
    Route("/ingest/lines", _json("lines", accepting.lines), methods=["POST"]),
]

"""/find answers the palette: pages of the console and what the search finds, as JSON, for a signed-in person."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse

from console import process
from console.page import visible
from console.parts.policy_form import LABELS
from console.server.auth import HEADER
from core.access import sessions
from core.access.rights import Actor
from core.db import store
from core.models import recorded
from core.queries import search


async def find(request: Request) -> JSONResponse:
    text = request.query_params.get("q", "")[:200]
    session_id = request.headers.get(HEADER.decode(), "")
    return JSONResponse(await asyncio.to_thread(_found, text, session_id), headers={"Cache-Control": "no-store"})


def _found(text: str, session_id: str) -> list[dict]:
    person = sessions.actor(session_id)
    if person is None:
        return []
    scope = search.SearchScope(person, visible(person), process.policy()[0], LABELS)
    with store.read() as session:
        hits = search.found(session, text, scope)
    return [*_pages(text, person), *map(recorded.plain, hits)]


def _pages(text: str, person: Actor) -> list[dict]:
    return [
        {"kind": "page", "title": title, "says": "", "address": f"/{'' if name == 'pipeline' else name}"}
        for name, title in visible(person).items()
        if text.strip().lower() in title.lower()
    ]

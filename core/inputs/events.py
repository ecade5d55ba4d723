"""The generic input: one event or a list of events as JSON (schema in docs/operations.md). Pure."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from core.inputs.alertmanager import faults
from core.models import Kind, Record, now
from core.vendors.logline import read_line

SOURCE = "events"
MOST = 1000  # events of one request
AHEAD = timedelta(minutes=10)  # how far a sender's clock may be ahead


def _moment(value: Any) -> Any:
    """ISO 8601 with an offset, or seconds since 1970; a time without an offset is UTC."""
    if isinstance(value, bool):
        raise ValueError("must be a time")
    if isinstance(value, int | float):
        if not 0 <= value < 2**33:
            raise ValueError("must be seconds since 1970")
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str) and len(value) < 50:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a time such as 2026-01-05T08:00:00Z") from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    raise ValueError("must be a time such as 2026-01-05T08:00:00Z")


Short = Annotated[str, Field(max_length=200)]
Value = Annotated[str, Field(max_length=4000)] | int | float | bool | None


class SentEvent(BaseModel):
    """The fields of an event; at least one of ``message``, ``type`` and ``stacktrace`` is required."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    message: str = Field(default="", max_length=40_000)
    type: Short = ""
    stacktrace: str = Field(default="", max_length=200_000)
    severity: Literal["fatal", "critical", "error", "warning", "info"] = "error"
    time: Annotated[AwareDatetime | None, BeforeValidator(lambda v: None if v is None else _moment(v))] = None
    service: Short = ""
    release: Short = ""
    environment: Annotated[str, Field(max_length=100)] = "production"
    attributes: dict[Short, Value] = Field(default={}, max_length=100)
    id: Short = ""

    @model_validator(mode="after")
    def _says_something(self):
        if not (self.message or self.type or self.stacktrace):
            raise ValueError("an event needs a message, a type or a stacktrace")
        return self


_LIST = TypeAdapter(Annotated[list[SentEvent], Field(min_length=1, max_length=MOST)])


def parsed(body: object) -> list[SentEvent]:
    """Parse events. Raises ValueError whose message names the fault without quoting the input."""
    try:
        return _LIST.validate_python(body if isinstance(body, list) else [body])
    except ValidationError as fault:
        raise ValueError(faults(fault)) from None


def row(event: SentEvent, service: str) -> dict:
    """The event as it is stored, with ``id`` as its identity.

    A retry repeats the id or the time. An event without both is always new: the same crash sent twice counts twice.
    A time too far in the future is stored as a nearer one, which differs at each retry; the identity has the sent one.
    """
    sent = event.time or now()
    at = min(sent, now() + AHEAD)
    values = event.model_dump(mode="json", exclude={"time", "service", "id"})
    whole = repr((service, sent.isoformat(), values)).encode("utf-8", "replace")
    identity = event.id or hashlib.sha256(whole).hexdigest()[:32]
    return values | {"service": service, "at": at.isoformat(), "id": f"{service}:{identity}"}


def record(values: dict) -> Record:
    stack, kind, message = values["stacktrace"], values["type"], values["message"]
    line = read_line(message)
    title = f"{kind}: {message}" if kind else line.title if message else stack.strip().rpartition("\n")[2]
    stack = stack or line.stack
    return Record(
        source=SOURCE,
        vendor_id=values["id"],
        kind=Kind.EXCEPTION if stack or kind else Kind.LOG,
        at=datetime.fromisoformat(values["at"]),
        service=values["service"],
        environment=values["environment"],
        release=values["release"] or None,
        level=values["severity"],
        title=title[:300],
        message=(stack or message)[-20_000:],
        attributes={**values["attributes"], "exception.type": kind, "exception.message": message[:2000]},
    )

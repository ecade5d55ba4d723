"""OTLP/HTTP request and response bodies, in protobuf or JSON (OpenTelemetry Protocol 1.x, "OTLP/HTTP"). Pure.

JSON differs from protobuf's own JSON mapping in one point: trace and span ids are hexadecimal.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from core.models import strict_json

PROTOBUF, JSON = "application/x-protobuf", "application/json"
LARGEST = 16 << 20  # maximum bytes of an unpacked body
IDS = frozenset(("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"))
CODES = {400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 429: 8, 503: 14}  # HTTP status -> gRPC status code


@dataclass(frozen=True)
class OtlpSignal:
    """A signal type. ``counted`` is the partial-success field with the number of refused records."""

    request: type[Message]
    response: type[Message]
    partial: type[Message]
    counted: str


SIGNALS = {
    "logs": OtlpSignal(
        ExportLogsServiceRequest, ExportLogsServiceResponse, ExportLogsPartialSuccess, "rejected_log_records"
    ),
    "traces": OtlpSignal(
        ExportTraceServiceRequest, ExportTraceServiceResponse, ExportTracePartialSuccess, "rejected_spans"
    ),
    "metrics": OtlpSignal(
        ExportMetricsServiceRequest, ExportMetricsServiceResponse, ExportMetricsPartialSuccess, "rejected_data_points"
    ),
}


class OtlpFault(ValueError):
    """The request cannot be read; ``status`` is the HTTP status."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status


def unpacked(body: bytes, encoding: str, largest: int = LARGEST) -> bytes:
    """The body without its gzip or deflate, at most ``largest`` bytes. Raises OtlpFault."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise OtlpFault(415, "The content encoding must be gzip, deflate or none.")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        found = unpacker.decompress(body, largest + 1)
    except zlib.error:
        raise OtlpFault(400, f"The body is not valid {encoding}.") from None
    if len(found) > largest:
        raise OtlpFault(413, f"The unpacked body is larger than {largest >> 20} MB.")
    if not unpacker.eof:
        raise OtlpFault(400, f"The body is not valid {encoding}: it ends early.")
    if unpacker.unused_data:
        raise OtlpFault(400, f"The body is not valid {encoding}: data follows its end. Send a single member.")
    return found


def media_type(content_type: str) -> str:
    """The media type of the request, protobuf or JSON. Raises OtlpFault for any other."""
    media = content_type.partition(";")[0].strip().lower()
    if media not in (PROTOBUF, JSON):
        raise OtlpFault(415, f"The content type must be {PROTOBUF} or {JSON}.")
    return media


def decoded(signal: str, body: bytes, media: str) -> Any:
    """The request's message. Raises OtlpFault."""
    message = SIGNALS[signal].request()
    try:
        if media == PROTOBUF:
            message.ParseFromString(body)
        else:
            json_format.ParseDict(_with_base64_ids(_object(body)), message, ignore_unknown_fields=True)
    except DecodeError:
        raise OtlpFault(400, f"The body is not an OTLP {signal} request.") from None
    except (json_format.ParseError, strict_json.Unreadable) as fault:
        raise OtlpFault(400, f"The body is not an OTLP {signal} request: {str(fault)[:200]}") from None
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        raise OtlpFault(400, f"The body is not an OTLP {signal} request.") from None
    return message


def _object(body: bytes) -> dict:
    found = strict_json.loads(body)
    if not isinstance(found, dict):
        raise strict_json.Unreadable("not a JSON object")
    return found


def _with_base64_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_base64_ids(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _base64(inner) if name in IDS and isinstance(inner, str) else _with_base64_ids(inner)
        for name, inner in value.items()
    }


def _base64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()


def answer(signal: str, media: str, refused: int = 0, message: str = "") -> bytes:
    """The body of a 200 response; a partial success if records were refused."""
    kind = SIGNALS[signal]
    response: Any = kind.response()
    if refused:
        response.partial_success.CopyFrom(kind.partial(**{kind.counted: refused, "error_message": message}))
    return _encoded(response, media)


def status(code: int, message: str, media: str) -> bytes:
    """The body of a 4xx or 5xx response: google.rpc.Status."""
    return _encoded(Status(code=CODES.get(code, 2), message=message), media)


def _encoded(message: Message, media: str) -> bytes:
    if media == JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()

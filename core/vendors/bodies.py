"""Reads the body of a response within limits."""

from __future__ import annotations

import httpx

from core.vendors.base import VendorError

LARGEST = 20 * 1024 * 1024  # maximum bytes of one response
CODINGS = ("gzip", "deflate", "identity")  # at most 1032 times as large unpacked, part by part


def read(vendor: str, response: httpx.Response) -> bytes:
    """The decoded body. Raises VendorError if it is too large, and for encodings that compress extremely.

    These are brotli and zstd, and several encodings at once.
    """
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in CODINGS:
        raise VendorError(vendor, f"returned an encoding that was not requested ({coding[:40]})", permanent=True)
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > LARGEST:
            raise VendorError(vendor, "returned more than 20 MB", permanent=True)
    return bytes(body)


def plain(headers: httpx.Headers) -> dict[str, str]:
    """Headers of the decoded body."""
    return {k: v for k, v in headers.items() if k not in ("content-encoding", "content-length", "transfer-encoding")}

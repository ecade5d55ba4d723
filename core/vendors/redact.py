"""Removes secrets from texts, in layers: the configured ones exactly, then well-known formats, then headers,
key=value pairs and URL credentials (the formats are those of gitleaks' public rules).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from typing import Protocol
from urllib.parse import quote

MARK = "[Filtered]"
SHAPES = re.compile(
    r"""\b(?:
    gh[pousr]_[A-Za-z0-9]{36,} | github_pat_\w{22,} | xox[abeprs]-[\w-]{10,} | xapp-[\w-]{10,} | sk-(?:proj-)?[\w-]{20,}
    | AKIA[0-9A-Z]{16} | ASIA[0-9A-Z]{16} | AIza[\w-]{35} | NRAK-[A-Z0-9]{27} | sntry[su]_[\w=-]{20,} | glpat-[\w-]{20,}
    | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,} | SG\.[\w-]{20,}\.[\w-]{30,}
    | npm_[A-Za-z0-9]{36} | pypi-[\w-]{50,} | hf_[A-Za-z0-9]{30,} | vercel_[A-Za-z0-9]{20,}
    )""",
    re.X,
)
# the group matches only a token; any other run is consumed whole, so that matching stays linear
TOKEN = re.compile(r"\beyJ[\w-]{8,}+(\.eyJ[\w-]{8,}+\.[\w-]{8,}+)?+")
BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)
HEADER = re.compile(r"(?i)\b(authorization\s*+[:=]\s*+(?:[\"']\s*+)?(?:(?:bearer|basic|token)\s*+)?)[^\s\"',;]{6,}")
NAMED = re.compile(
    r"(?i)((?:password|passwd|pwd|secret|api[_-]?key|app[_-]?key|access[_-]?key|private[_-]?key|(?:access|auth|refresh)[_-]?token"
    r"|client[_-]?secret)[\"']?\s*+[:=]\s*+)([\"']?)([^\s\"',;&)}\]]{6,})\2"
)
URL = re.compile(r"([a-z0-9+.-]://[^/\s:@]{0,64}:)[^@/\s]{3,}(@)", re.I)  # redis://:secret@host has no user


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# (lower-case words, one of which a match must contain; pattern; replacement). Searching for the words first makes
# an ordinary log line ten times cheaper.
SHAPE_WORDS = _words(
    "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ xox xapp- sk- akia asia aiza nrak- sntry glpat- _live_ _test_ sg. npm_"
    " pypi- hf_ vercel_"
)
NAMED_WORDS = _words(
    "password passwd pwd secret token apikey api_key api-key appkey app_key app-key accesskey access_key access-key"
    " privatekey private_key private-key"
)
LAYERS = (
    (("-----begin",), BLOCK, MARK),
    (SHAPE_WORDS, SHAPES, MARK),
    (("eyj",), TOKEN, lambda found: MARK if found[1] else found[0]),
    (("authorization",), HEADER, rf"\1{MARK}"),
    (("://",), URL, rf"\1{MARK}\2"),
    (NAMED_WORDS, NAMED, rf"\1\2{MARK}\2"),
)


class Redacting(Protocol):
    """The protocol for readers of a vendor's JSON: ``redact`` removes the secrets from a text."""

    @property
    def redact(self) -> Callable[[str], str]: ...


class Redactor:
    """A callable text -> text; ``secrets`` are known values, which are also removed in base64 and URL encoding."""

    def __init__(self, secrets: Iterable[str] = ()):
        forms = {form for secret in secrets if len(secret) >= 6 for form in _forms(secret)}
        self.known = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self.known:
            text = text.replace(secret, MARK)
        small = text.lower()
        for words, pattern, shown in LAYERS:
            if any(word in small for word in words):
                text = pattern.sub(shown, text)
        return text


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}

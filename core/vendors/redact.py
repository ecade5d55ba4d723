"""Takes secrets out of texts, in layers: the configured ones exactly, then well-known shapes, then
header, key=value and URL-credential forms (the shapes are those that gitleaks' public rules name).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

MARK = "[Filtered]"
SHAPES = re.compile(
    r"""\b(?:
    gh[pousr]_[A-Za-z0-9]{36,} | github_pat_\w{22,} | xox[abeprs]-[\w-]{10,} | xapp-[\w-]{10,} | sk-(?:proj-)?[\w-]{20,}
    | AKIA[0-9A-Z]{16} | ASIA[0-9A-Z]{16} | AIza[\w-]{35} | NRAK-[A-Z0-9]{27} | sntry[su]_[\w=-]{20,} | glpat-[\w-]{20,}
    | (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,} | eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{8,} | SG\.[\w-]{20,}\.[\w-]{30,}
    | npm_[A-Za-z0-9]{36} | pypi-[\w-]{50,} | hf_[A-Za-z0-9]{30,} | vercel_[A-Za-z0-9]{20,}
    )""",
    re.X,
)
BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S)
HEADER = re.compile(r"(?i)\b(authorization\s*[:=]\s*[\"']?(?:bearer|basic|token)?\s*)[^\s\"',;]{6,}")
NAMED = re.compile(
    r"(?i)((?:password|passwd|pwd|secret|api[_-]?key|app[_-]?key|access[_-]?key|private[_-]?key|(?:access|auth|refresh)[_-]?token"
    r"|client[_-]?secret)[\"']?\s*[:=]\s*)([\"']?)([^\s\"',;&)}\]]{6,})\2"
)
URL = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^/\s:@]{1,64}:)[^@/\s]{3,}(@)", re.I)


class Redactor:
    """A callable text -> text; ``secrets`` are known values, also hidden when base64- or URL-encoded."""

    def __init__(self, secrets: Iterable[str] = ()):
        forms = {form for secret in secrets if len(secret) >= 6 for form in _forms(secret)}
        self.known = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True)))) if forms else None

    def __call__(self, text: str) -> str:
        if self.known:
            text = self.known.sub(MARK, text)
        text = SHAPES.sub(MARK, BLOCK.sub(MARK, text))
        text = URL.sub(rf"\1{MARK}\2", HEADER.sub(rf"\1{MARK}", text))
        return NAMED.sub(rf"\1\2{MARK}\2", text)


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")}

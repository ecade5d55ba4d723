"""Rules for names, URLs, paths and times in platform.toml: none of them leaves its folder, is read as an option by git
or another program, or makes git start a helper. Pure; each function returns its value or raises ValueError, whose
message says what is allowed.

Branches: the rules of git-check-ref-format(1). Remotes: the forms of git-fetch(1) that start no helper of their own.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import time
from itertools import pairwise
from pathlib import PurePosixPath
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
GITHUB = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", re.ASCII)
HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]", re.ASCII)
USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
SCP = re.compile(r"(?:([^@/:]+)@)?([^@/:\[\]]+|\[[^\]]*\]):(?!:)(?!//)([^-].*)", re.ASCII)
PYTHON = re.compile(r"[0-9]+(\.[0-9]+){0,2}|[<>=!~^0-9., *]{2,80}", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
REFUSED_IN_BRANCHES = re.compile(r"\.\.|//|@\{|[ ~^:?*\[\\]|/\.|\.lock(/|$)")


def _printable(text: str) -> str:
    """Raises ValueError for control characters, line separators and half characters."""
    if not text.isprintable():
        raise ValueError("it contains a control character")
    return text


def name(text: str) -> str:
    if not NAME.fullmatch(text) or ".." in text:
        raise ValueError(
            "a name consists of letters, digits, dots, dashes and underscores, and starts with a letter or digit"
        )
    return text


def optional_name(text: str) -> str:
    return name(text) if text else text


def github(text: str) -> str:
    if text and (not GITHUB.fullmatch(text) or text.endswith(("/.", "/.."))):
        raise ValueError("a GitHub repository is named OWNER/NAME")
    return text


def remote(text: str) -> str:
    """https, ssh (also as USER@HOST:PATH) or an absolute path; empty for no remote at all."""
    if not text or _local(_printable(text)) or _over_network(text) or _scp(text):
        return text
    raise ValueError("a remote is https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or an absolute path")


def _local(text: str) -> bool:
    return text.startswith("/") or text.startswith("file:///")


def _over_network(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
    except ValueError:
        return False
    host = parts.netloc.rpartition("@")[2]
    host = host.rpartition(":")[0] if parts.port is not None else host
    fine = bool(HOST.fullmatch(host)) and len(parts.path) > 1
    return fine and (parts.scheme == "https" or (parts.scheme == "ssh" and _user(parts.username)))


def _scp(text: str) -> bool:
    found = SCP.fullmatch(text)
    return bool(found and HOST.fullmatch(found[2]) and _user(found[1]))


def _user(text: str | None) -> bool:
    return text is None or bool(USER.fullmatch(text))


def branch(text: str) -> str:
    odd = not text or text == "@" or text.startswith(("-", "/", ".")) or text.endswith(("/", "."))
    if odd or not text.isprintable() or REFUSED_IN_BRANCHES.search(text):
        raise ValueError("git does not allow this branch name")
    return text


def folder(text: str) -> str:
    """A path below the repository's root; "." is the root itself."""
    path = PurePosixPath(_printable(text))
    if not text or path.is_absolute() or ".." in path.parts or "\\" in text or text.startswith(("-", "~", ":")):
        raise ValueError("a folder is a path below the repository root, without ..")
    return text


def health_path(text: str) -> str:
    if not _printable(text).startswith("/") or text.startswith("//") or " " in text or "\\" in text:
        raise ValueError("a health check path starts with a single /")
    return text


def address(text: str) -> str:
    """An http or https address without user and password; empty for none."""
    parts = urlsplit(_printable(text))
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or " " in text):
        raise ValueError("a URL is http://HOST or https://HOST, without user and password")
    return text


def command(words: list[str]) -> list[str]:
    if not words or not words[0] or words[0].startswith("-"):
        raise ValueError("a command is a list of words; the first is the program")
    for word in words:
        _printable(word)
    return words


def rising(shares: list[int]) -> list[int]:
    if any(later <= earlier for earlier, later in pairwise(shares)):
        raise ValueError("each share is larger than the one before")
    return shares


def environment(given: str | list[str]) -> str | list[str]:
    """auto, platform, an absolute path, or a command."""
    if isinstance(given, list):
        return command(given)
    if given not in ("auto", "platform") and not _printable(given).startswith("/"):
        raise ValueError('it is "auto", "platform", an absolute path, or a command as a list of words')
    return given


def python(text: str) -> str:
    """A version such as 3.12 or 3.12.4, or specifiers such as >=3.10,<3.13; empty for none."""
    if text and not PYTHON.fullmatch(text):
        raise ValueError("a Python version is written as 3.12, or as >=3.10,<3.13")
    return text


def variable(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError("a variable consists of letters, digits and underscores, and does not start with a digit")
    return text


def networks(text: str) -> str:
    """Networks by commas, as in 10.0.0.0/8,::1."""
    for part in filter(None, map(str.strip, text.split(","))):
        ipaddress.ip_network(part, strict=False)
    return text


def clock(text: str) -> str:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo:
        raise ValueError("a time of day is written as 02:00")
    return text


def zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("a time zone is named as Europe/Berlin or UTC") from None
    return text

"""The package indexes of this machine: PACKAGE_INDEX_URL, else the configuration of uv or pip, else PyPI."""

from __future__ import annotations

import configparser
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.repair.environment.fault import EnvironmentFault
from core.vendors.package_index import Index, index

PYPI = "https://pypi.org/simple"
FIRST = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
MORE = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL")
PIP_FILES = ("/etc/pip.conf", "/etc/xdg/pip/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
UV_FILES = ("/etc/uv/uv.toml", "~/.config/uv/uv.toml")


def indexes(given: str, environment: Mapping[str, str] = os.environ) -> list[Index]:
    """The indexes; the first is the default. ``given`` is PACKAGE_INDEX_URL. Raises EnvironmentFault."""
    addresses = given.split() or _configured(environment)
    try:
        return [index(address) for address in dict.fromkeys(addresses)]
    except ValueError as error:
        raise EnvironmentFault(f"PACKAGE_INDEX_URL cannot be used: {error}.", "Correct it.") from None


def _configured(environment: Mapping[str, str]) -> list[str]:
    """The http and https URLs; a build room cannot reach a local folder."""
    first = [environment[name] for name in FIRST if environment.get(name)]
    more = [word for name in MORE for word in environment.get(name, "").split()]
    for default, url in (*_of_uv(), *_of_pip(environment)):
        (first if default else more).append(url)
    usable = [url.partition("=")[2] if url.partition("=")[0].isidentifier() else url for url in more]
    return [(first or [PYPI])[0], *(url for url in usable if url.startswith(("http://", "https://")))]


def _of_uv() -> Iterator[tuple[bool, str]]:
    for name in UV_FILES:
        settings: dict[str, Any] = {}
        try:
            settings = tomllib.loads(Path(name).expanduser().read_text("utf-8"))
        except (OSError, ValueError):
            continue
        for one in settings.get("index", []):
            yield bool(one.get("default")), str(one.get("url", ""))
        if settings.get("index-url"):
            yield True, str(settings["index-url"])


def _of_pip(environment: Mapping[str, str]) -> Iterator[tuple[bool, str]]:
    made = configparser.ConfigParser(interpolation=None)
    try:
        made.read([str(Path(name).expanduser()) for name in (*PIP_FILES, environment.get("PIP_CONFIG_FILE", ""))])
    except configparser.Error:
        return
    for section in ("global", "install"):
        if made.has_option(section, "index-url"):
            yield True, made[section]["index-url"]
        for url in made.get(section, "extra-index-url", fallback="").split():
            yield False, url

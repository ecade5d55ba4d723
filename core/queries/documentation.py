"""The product's documentation (docs/), in sections of one heading of the second level each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

from core.settings import ROOT

FOLDER = ROOT / "docs"
COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)
HEADING = re.compile(r"(#{1,6}) +(.+)")
LINK = re.compile(r"\]\(((?:\.\./)?[\w/.-]+\.md)?(?:#([\w-]+))?\)")


@dataclass(frozen=True)
class DocHeading:
    """A heading: its text, and its anchor as GitHub makes it."""

    title: str
    anchor: str


@dataclass(frozen=True)
class DocSection:
    """Markdown under one heading of the second level; ``headings`` are that heading and those below it."""

    document: str
    headings: Sequence[DocHeading]
    text: str

    @property
    def title(self) -> str:
        return self.headings[0].title

    @property
    def anchor(self) -> str:
        return self.headings[0].anchor


@dataclass(frozen=True)
class Document:
    """One file: ``name`` is its path in docs/ without the suffix."""

    name: str
    title: str
    sections: Sequence[DocSection]

    def section(self, anchor: str) -> DocSection | None:
        """The section that holds this heading; the first one for an empty anchor."""
        named = (one for one in self.sections if any(each.anchor == anchor for each in one.headings))
        return next(named, None) if anchor else self.sections[0]


def address(document: str, anchor: str = "") -> str:
    """The page that shows this section."""
    return f"/documentation?{urlencode({'document': document} | ({'section': anchor} if anchor else {}))}"


@cache
def documents(folder: Path = FOLDER) -> Mapping[str, Document]:
    """Every document by name; none where the folder was not shipped."""
    names = {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.md"))}
    return {name: read(name, path.read_text(encoding="utf-8")) for name, path in names.items()}


def read(name: str, text: str) -> Document:
    """The document in a file's text. Pure."""
    parts = [_section(name, part) for part in _split(COMMENT.sub("", text))]
    return Document(name, parts[0].title if parts else name, parts)


def _split(text: str) -> Iterator[list[str]]:
    part: list[str] = []
    for line, level in _levels(text):
        if level == 2 and part:
            yield part
            part = []
        part.append(line)
    if part:
        yield part


def _levels(text: str) -> Iterator[tuple[str, int]]:
    """Each line with the level of its heading; 0 for any other line, also for a comment in a code block."""
    fenced = False
    for line in text.splitlines():
        fenced ^= line.lstrip().startswith("```")
        found = None if fenced else HEADING.fullmatch(line)
        yield line, len(found[1]) if found else 0


def _section(name: str, lines: list[str]) -> DocSection:
    titles = [line.lstrip("# ") for line, level in _levels("\n".join(lines)) if level]
    headings = [DocHeading(title, anchor(title)) for title in titles] or [DocHeading(name, "")]
    body = lines[1:] if titles else lines
    return DocSection(name, headings, _led("\n".join(body), name).strip())


def anchor(title: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _led(text: str, name: str) -> str:
    """Links between documents lead to the console's page."""
    folder = name.rpartition("/")[0]

    def to(found: re.Match[str]) -> str:
        file, place = found[1], found[2] or ""
        if not file:
            return f"]({address(name, place)})"
        other = file.removeprefix("../") if file.startswith("../") else f"{folder}/{file}".lstrip("/")
        return f"]({address(other.removesuffix('.md'), place)})"

    return LINK.sub(to, text)

"""Documentation: the pages that ship with the product, section by section."""

from __future__ import annotations

import streamlit as st

from console.page import page
from console.ui.markup import Safe, link, tag
from console.ui.widgets import draw, empty
from core.queries import documentation
from core.queries.documentation import DocSection, Document

ORDER = 110
FIRST = "operations"


def body() -> None:
    every = documentation.documents()
    chosen = every.get(st.query_params.get("document", FIRST))
    section = chosen.section(st.query_params.get("section", "")) if chosen else None
    if not every:
        draw(empty("No documentation here", "The folder docs is missing from this installation."))
        return
    draw(contents(list(every.values()), chosen))
    if chosen is None or section is None:
        draw(empty("Section not found", "The documentation has no such section. Choose one above.", "✕"))
        return
    draw(sections(chosen, section), tag("h2", section.title))
    with st.container(key="documentation"):
        st.markdown(section.text)
    draw(onward(chosen, section))


def contents(every: list[Document], chosen: Document | None) -> Safe:
    """All documents, the decisions behind one link."""
    top = [one for one in every if "/" not in one.name or one.name.endswith("/README")]
    links = (entry(documentation.address(one.name), one.title, one is chosen) for one in top)
    return tag("nav", *links, class_="d-docs", aria_label="Documents")


def sections(document: Document, here: DocSection) -> Safe:
    links = (
        entry(documentation.address(document.name, one.anchor), one.title, one is here) for one in document.sections
    )
    return tag("nav", *links, class_="d-docs d-docs-sections", aria_label="Sections")


def entry(address: str, title: str, here: bool) -> Safe:
    return tag("b", title, aria_current="page") if here else link(address, title)


def onward(document: Document, here: DocSection) -> Safe:
    at = document.sections.index(here) + 1
    if at == len(document.sections):
        return Safe("")
    following = document.sections[at]
    return tag("p", "Next: ", link(documentation.address(document.name, following.anchor), following.title))


page("Documentation", "How to run, connect and configure the platform, and how it decides.", body)

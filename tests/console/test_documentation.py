"""The documentation as the console shows it: its sections, and links that lead somewhere."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from core.queries import documentation
from tests import screens

TEXT = """\
# Oven
How to bake. See [heat](#degrees-and-time), [bread](bread.md#crust) and [decisions](../adr/1.md).

## Heat & fans
<!-- heat -->
Hot.
```bash
# Not a heading
```
### Degrees and time
180.
"""


def test_a_document_is_read_in_sections():
    found = documentation.read("kitchen/oven", TEXT)
    assert found.title == "Oven"
    assert [one.title for one in found.sections] == ["Oven", "Heat & fans"]
    assert [one.anchor for one in found.sections[1].headings] == ["heat--fans", "degrees-and-time"]
    assert found.section("degrees-and-time") is found.sections[1]
    assert found.section("") is found.sections[0]
    assert found.section("nothing") is None
    assert found.sections[1].text.startswith("Hot.\n```bash\n# Not a heading")
    assert re.findall(r"\((/\S+)\)", found.sections[0].text) == [
        "/documentation?document=kitchen%2Foven&section=degrees-and-time",
        "/documentation?document=kitchen%2Fbread&section=crust",
        "/documentation?document=adr%2F1",
    ]


@pytest.mark.parametrize("name", documentation.documents())
def test_every_link_of_the_documentation_leads_to_a_section(name):
    texts = (one.text for one in documentation.documents()[name].sections)
    for address in re.findall(r"\]\((/documentation\?\S+?)\)", "\n".join(texts)):
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        other = documentation.documents().get(asked["document"])
        assert other is not None and other.section(asked.get("section", "")), address


def test_the_page_shows_one_section_and_leads_on(console):
    told = screens.seen(screens.visit("documentation", document="security"))
    assert "<h2>Security</h2>" in told and "Next: " in told


@pytest.mark.parametrize("query", [{"document": "../core/settings"}, {"document": "operations", "section": "none"}])
def test_an_unknown_section_says_so(console, query):
    assert "Section not found" in screens.seen(screens.visit("documentation", **query))


def test_an_installation_without_documentation_says_so(console, monkeypatch):
    monkeypatch.setattr(documentation, "documents", dict)
    assert "No documentation here" in screens.seen(screens.visit("documentation"))

"""What a page loads: large parts only when they are shown."""

from __future__ import annotations

import re

from console.server import assets
from core.db import store
from core.queries import outcomes
from tests import scenes, screens


def test_a_page_begins_without_the_code_of_its_charts():
    """Streamlit loads each element's code when the element is first drawn."""
    charts = [path.name for path in (assets.STATIC / "static" / "js").glob("PlotlyChart*.js")]
    begun = re.findall(r"static/js/([\w.-]+\.js)", assets.template())
    assert charts and begun and not set(charts) & set(begun)


def test_only_the_open_tab_of_the_figures_is_computed(console, monkeypatch):
    asked = []
    for name in ("repair_parts", "latest", "judged", "by_day"):
        real = getattr(outcomes, name)
        monkeypatch.setattr(outcomes, name, lambda *given, name=name, real=real: asked.append(name) or real(*given))
    with store.write() as session:
        scenes.shop(session)
    assert not screens.visit("kpis").exception
    assert asked == ["repair_parts"]

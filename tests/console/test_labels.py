"""Names of branches and views on buttons: Streamlit reads Markdown in a label, so they are escaped."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

HOSTILE = "![x](https://evil.example/pixel)"


def shown() -> None:
    from console.parts import setup
    from core.setup.results import SetupFinding
    from tests.console.test_labels import HOSTILE

    setup.found("repository", SetupFinding(False, "no such branch", field="branch", offers=(HOSTILE,)))


def test_a_branchs_name_is_no_markdown():
    page = AppTest.from_function(shown).run()
    assert not page.exception
    assert [button.label for button in page.button] == [r"Use !\[x\](https://evil.example/pixel)"]

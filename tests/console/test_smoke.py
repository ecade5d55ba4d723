"""The result of a smoke command on screen."""

from __future__ import annotations

from console.parts import smoke


def test_output_of_a_stranger_is_shown_as_text():
    ran = {
        "command": "python s.py",
        "passed": False,
        "says": "it ended with <i>1</i>",
        "output": "<script>",
        "seconds": 2,
    }
    shown = smoke.found({"smoke": ran})
    assert "&lt;script&gt;" in shown and "<script>" not in shown and "<i>1" not in shown
    assert "python s.py" in shown and "2 s" in shown


def test_nothing_is_shown_where_none_ran():
    assert smoke.found({}) == ""

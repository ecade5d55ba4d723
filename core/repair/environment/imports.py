"""How a service's code is imported and its tests are found: what its files say, given to its interpreter."""

from __future__ import annotations

from dataclasses import replace

from core.repair.environment.discovery import Discovery
from core.repair.sandbox.interpreter import Interpreter

DJANGO_TESTS = "-o python_files='test*.py'"  # as Django's own runner finds them


def settled(interpreter: Interpreter, found: Discovery) -> Interpreter:
    """The interpreter with the roots of the imports, and with what Django's tests need to begin."""
    layout, variables = found.layout, dict(interpreter.variables)
    if layout.django:
        variables["DJANGO_SETTINGS_MODULE"] = layout.django
        variables |= {} if layout.python_files else {"PYTEST_ADDOPTS": DJANGO_TESTS}
    roots = tuple(dict.fromkeys(["src", *layout.roots]))
    return replace(interpreter, roots=roots, variables=variables)

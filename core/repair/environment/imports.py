"""Configures the interpreter with how a service's code is imported and its tests are found."""

from __future__ import annotations

from dataclasses import replace

from core.repair.environment.discovery import Discovery
from core.repair.sandbox.interpreter import Interpreter

DJANGO_TESTS = "-o python_files='test*.py'"  # the pattern of Django's own test runner


def settled(interpreter: Interpreter, found: Discovery) -> Interpreter:
    """The interpreter with the import roots, and with the variables that Django's tests need."""
    layout, variables = found.layout, dict(interpreter.variables)
    if layout.django:
        variables["DJANGO_SETTINGS_MODULE"] = layout.django
        variables |= {} if layout.python_files else {"PYTEST_ADDOPTS": DJANGO_TESTS}
    roots = tuple(dict.fromkeys(["src", *layout.roots]))
    return replace(interpreter, roots=roots, variables=variables)

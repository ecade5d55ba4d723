"""Edit operators: each turns a place in the code into changes, built from values of the program itself. Pure.

Every file of this folder is loaded, and its operators register themselves for the exceptions that they handle
(``@operator("KeyError")``, registry.py). A new operator is one new file.
"""

from core.repair.propose.registry import OPERATORS, load, operators_for

__all__ = ["OPERATORS", "operators_for"]

load(__name__, list(__path__))

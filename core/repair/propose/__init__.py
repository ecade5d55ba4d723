"""Templates: each turns a place in the code into candidate texts. Pure.

Every file of this folder is loaded, and its templates register themselves for the exceptions they know
(``@template("KeyError")``, registry.py). A new template is one new file.
"""

from core.repair.propose.registry import TEMPLATES, load, templates_for

__all__ = ["TEMPLATES", "templates_for"]

load(__name__, list(__path__))

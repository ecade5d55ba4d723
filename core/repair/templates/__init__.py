"""Template families: each turns a place in the code into candidate texts. Pure.

``FAMILIES`` maps an exception's type to the families that know it; the order is by value.
"""

from __future__ import annotations

from core.repair.templates import division, index, iteration, keys, names, none, types

FAMILIES = {
    "ZeroDivisionError": (division.guard,),
    "KeyError": (keys.other_key, keys.default),
    "IndexError": (index.guard,),
    "AttributeError": (none.guard, names.attribute),
    "TypeError": (none.guard, types.bridge, types.keyword, iteration.awaited),
    "NameError": (names.name,),
    "UnboundLocalError": (names.initialise,),
    "ValueError": (index.unpack, types.number_text),
    "RuntimeError": (iteration.copy,),
    "StopIteration": (index.first_of,),
    "ImportError": (names.imported,),
}

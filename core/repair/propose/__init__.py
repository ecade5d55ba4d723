"""Template families: each turns a place in the code into candidate texts. Pure.

``FAMILIES`` maps an exception's type to the families that know it; the order is by value. A family
reads the message itself and is silent about what it does not know.
"""

from __future__ import annotations

from core.repair.propose import (
    calls,
    entries,
    forgotten,
    guards,
    idioms,
    imports,
    index,
    iteration,
    keys,
    members,
    names,
    scopes,
    tables,
    times,
    types,
)

_TYPE_ERROR = (
    guards.guard, forgotten.returned_value, idioms.sort_none, idioms.without_none, types.bridge, names.argument,
    iteration.awaited, iteration.called_or_not, idioms.encoder, times.aware, idioms.pairs, idioms.hashable,
    times.dates, times.from_text, idioms.awaited_value, scopes.hidden, calls.without_self, calls.by_keyword,
    calls.listed, calls.by_first,
)  # fmt: skip
_VALUE_ERROR = (
    keys.enum_member, index.unpack, idioms.pairs, guards.guard, types.number_text, times.iso_time, times.month_end,
)  # fmt: skip

FAMILIES = {
    "ZeroDivisionError": (guards.guard,),
    "KeyError": (
        keys.other_key,
        tables.as_written,
        tables.unlisted,
        tables.accessor,
        tables.placeholder,
        entries.moved,
        entries.renamed,
        entries.reordered,
        entries.fallback,
        entries.one_branch,
        entries.gathered,
        idioms.bom_key,
        guards.guard,
    ),
    "IndexError": (iteration.shrinking, guards.guard),
    "AttributeError": (
        guards.guard,
        forgotten.returned_value,
        names.attribute,
        scopes.hidden_module,
        members.base_not_called,
        members.set_on_some_way,
        types.bridge,
        iteration.awaited,
        iteration.called_or_not,
    ),
    "TypeError": _TYPE_ERROR,
    "NameError": (names.name,),
    "UnboundLocalError": (
        scopes.set_by_another_name,
        scopes.of_the_outer,
        scopes.after_handler,
        scopes.hidden,
        scopes.initialise,
    ),
    "ValueError": _VALUE_ERROR,
    "InvalidOperation": (types.number_text, guards.guard),
    "DivisionByZero": (guards.guard,),
    "StatisticsError": (guards.guard,),
    "JSONDecodeError": (idioms.bom_json, guards.guard),
    "UnicodeEncodeError": (idioms.text_coding,),
    "UnicodeDecodeError": (idioms.text_coding,),
    "Error": (idioms.padding,),
    "RuntimeError": (iteration.copy,),
    "StopIteration": (guards.guard,),
    "ModuleNotFoundError": (imports.renamed,),
    "ImportError": (imports.imported, scopes.moved_to_use),
}

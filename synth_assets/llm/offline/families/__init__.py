"""All task families, by name: they differ in the operation, not in the nouns."""

from __future__ import annotations

from types import MappingProxyType

from synth_assets.llm.offline.families import (
    arithmetic,
    codes,
    dates,
    lists,
    logic,
    measures,
    strings,
    tables,
)

FAMILIES = MappingProxyType(
    {
        family.name: family
        for module in (arithmetic, measures, dates, lists, strings, tables, codes, logic)
        for family in module.FAMILIES
    }
)
"""Name → family, in a fixed order."""

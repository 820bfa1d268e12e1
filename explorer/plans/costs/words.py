"""Costs in words: their names, and amounts in the unit that people read.

>>> from explorer.plans.costs.tables import CostTable
>>> compared(CostTable("bops", "BOPs", {}), 122_880_000, 100_000_000)
(('0.123', '0.100'), 'GBOPs')
>>> in_words(CostTable("size", "bytes", {}, 8), 8 * 262_144)
'262 kB'
"""

from collections.abc import Mapping
from math import floor, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explorer.plans.costs.tables import CostTable

_NOUNS: Mapping[str, str] = {"bops": "bit operations", "activations": "activation memory"}
# From how much on a scale is used, the scale, and what it is called; 0.1 GBOPs reads better than 100 MBOPs.
_SCALES: Mapping[str, tuple[tuple[float, float, str], ...]] = {
    "bytes": ((1e9, 1e9, "GB"), (1e6, 1e6, "MB"), (1e4, 1e3, "kB")),
    "BOPs": ((1e8, 1e9, "GBOPs"), (1e5, 1e6, "MBOPs")),
}
_DIGITS = range(3, 16)


def noun(table: "CostTable") -> str:
    """What a cost is called: bit operations."""
    return _NOUNS.get(table.name, table.name)


def in_words(table: "CostTable", count: int) -> str:
    """A count of a table with its unit."""
    (text,), unit = compared(table, count)
    return f"{text} {unit}"


def compared(table: "CostTable", *counts: int) -> tuple[tuple[str, ...], str]:
    """Counts in one unit, with as many digits as it takes to tell different ones apart; and the unit."""
    values = [count / table.divisor for count in counts]
    largest = max(abs(value) for value in values)
    scale, unit = next(
        ((scale, unit) for least, scale, unit in _SCALES.get(table.unit, ()) if largest >= least),
        (1.0, table.unit),
    )
    if scale == 1 and all(value == int(value) for value in values):
        return tuple(f"{value:,.0f}" for value in values), unit
    texts: tuple[str, ...] = ()
    for digits in _DIGITS:
        decimals = max(0, digits - 1 - floor(log10(largest / scale))) if largest else 0
        texts = tuple(f"{value / scale:,.{decimals}f}" for value in values)
        if len(set(texts)) == len(set(counts)):
            break
    return texts, unit

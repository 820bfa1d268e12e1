"""Sweeps: every plan trained by every recipe with every seed, asked at once, followed as a group, told in a table."""

from explorer.jobs.sweeps.asking import Place, questions, recipes
from explorer.jobs.sweeps.grouping import Group, gather, groups
from explorer.jobs.sweeps.table import Apart, Row, Samples, Spread, recorded, summarised

__all__ = [
    "Apart",
    "Group",
    "Place",
    "Row",
    "Samples",
    "Spread",
    "gather",
    "groups",
    "questions",
    "recipes",
    "recorded",
    "summarised",
]

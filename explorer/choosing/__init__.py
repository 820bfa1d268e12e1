"""Choosing a plan by what it is worth: the smallest one of a frontier whose measured accuracy keeps a wish.

choose                      the whole: search, swaps, promise, report, for a study
search, sweep, greedy       the smallest plan that holds: by bisection, by measuring all, by greedy probes
refine                      swaps of bits between blocks by measured loss
descend                     to smaller plans, by steps of their own
confirm                     the promise, on samples that did not choose
afforded                    whether the trained plan leaves room for a smaller one
Comparing                   plans compared on a set of samples, whoever measures them

All but `choose` work on any function of the widths.
"""

from explorer.choosing.affording import Afforded, afforded
from explorer.choosing.comparing import Bits, Comparing, Measure, Notes, Work, work_of
from explorer.choosing.confirming import CONFIDENCE, Attempt, confirm
from explorer.choosing.drops import Drop
from explorer.choosing.of_study import SAMPLES, choose
from explorer.choosing.probing import Greedy, greedy
from explorer.choosing.result import (
    Choice,
    Refinement,
    Steps,
    Tried,
    Without,
    points,
    remark_on,
    said,
    said_cost,
)
from explorer.choosing.searching import Looked, Rule, Searched, ladder, search, sweep
from explorer.choosing.sets import report_set, training_sets
from explorer.choosing.stepping import Descended, LapqSteps, descend
from explorer.choosing.swaps import Refined, Swap, refine

__all__ = [
    "CONFIDENCE",
    "SAMPLES",
    "Afforded",
    "Attempt",
    "Bits",
    "Choice",
    "Comparing",
    "Descended",
    "Drop",
    "Greedy",
    "LapqSteps",
    "Looked",
    "Measure",
    "Notes",
    "Refined",
    "Refinement",
    "Rule",
    "Searched",
    "Steps",
    "Swap",
    "Tried",
    "Without",
    "Work",
    "afforded",
    "choose",
    "confirm",
    "descend",
    "greedy",
    "ladder",
    "points",
    "refine",
    "remark_on",
    "report_set",
    "said",
    "said_cost",
    "search",
    "sweep",
    "training_sets",
    "work_of",
]

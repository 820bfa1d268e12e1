"""Choosing a plan by what it is worth: the smallest one of a frontier whose measured accuracy keeps a wish.

choose                      the whole: search, swaps, promise, report, for a study
search, sweep, greedy       the smallest plan that holds: by bisection, by measuring all, by greedy probes
refine                      swaps of bits between blocks by measured loss
confirm                     the promise, on samples that did not choose
afforded                    whether the trained plan leaves room for a smaller one
Comparing                   plans compared on a set of samples, whoever measures them

All but `choose` work on any function of the widths.
"""

from explorer.choosing.affording import Afforded, afforded
from explorer.choosing.comparing import Bits, Comparing, Measure, Notes, Work, work_of
from explorer.choosing.confirming import CONFIDENCE, Attempt, confirm
from explorer.choosing.drops import Drop
from explorer.choosing.of_study import SAMPLES, choose, report_set, training_sets
from explorer.choosing.probing import Greedy, greedy
from explorer.choosing.result import Choice, Refinement, Tried, points, said
from explorer.choosing.searching import Looked, Rule, Searched, ladder, search, sweep
from explorer.choosing.swaps import Refined, Swap, refine

__all__ = [
    "CONFIDENCE",
    "SAMPLES",
    "Afforded",
    "Attempt",
    "Bits",
    "Choice",
    "Comparing",
    "Drop",
    "Greedy",
    "Looked",
    "Measure",
    "Notes",
    "Refined",
    "Refinement",
    "Rule",
    "Searched",
    "Swap",
    "Tried",
    "Work",
    "afforded",
    "choose",
    "confirm",
    "greedy",
    "ladder",
    "points",
    "refine",
    "report_set",
    "said",
    "search",
    "sweep",
    "training_sets",
    "work_of",
]

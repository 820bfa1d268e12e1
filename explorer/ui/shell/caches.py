"""What sessions share: the store, loaded studies, their blocks and the tables computed from them.

Studies are pristine and never changed; whoever trains or quantizes copies the network first.
"""

from dataclasses import dataclass, replace

import streamlit as st

from explorer import plans, studies
from explorer.blocks import Block, Granularity
from explorer.curvature import Traces
from explorer.plans import ALLOWED_BITS, Curve, DamageTable, Frontier, Problem, SetB
from explorer.runs import Store
from explorer.studies import AnyStudy
from explorer.ui.frontier.question import Ask

GRANULARITIES: tuple[Granularity, ...] = ("layer", "module")
WIDTHS = tuple(bits for bits in ALLOWED_BITS if bits <= 16)


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The store of runs, one for the server."""
    return Store.open()


@st.cache_resource(show_spinner="Loading the study …", max_entries=4)
def study(reference: str) -> AnyStudy:
    """A loaded study; it must not be changed."""
    return studies.load(reference)


@st.cache_resource(show_spinner=False, max_entries=16)
def blocks(reference: str, granularity: Granularity) -> tuple[Block, ...]:
    """The blocks of a study; a profile study has its published ones at either granularity."""
    return study(reference).blocks(granularity)


@st.cache_resource(show_spinner="Quantizing every block at every width …", max_entries=32)
def damage(reference: str, traces_key: str, _traces: Traces | None) -> DamageTable:
    """Ω of every block at every width there is; ``traces_key`` names the traces."""
    return plans.study_problem(study(reference), _traces, bits=WIDTHS).damage


@dataclass(frozen=True, eq=False)
class Basis:
    """What Ω rests on.

    Attributes:
        key: names it; another basis has another.
        traces: of the weights; None for a profile study, which brings its own.
        table: the damage where it was measured in a run of its own.
    """

    key: str
    traces: Traces | None
    table: DamageTable | None = None


@st.cache_resource(show_spinner=False, max_entries=32)
def problem(reference: str, asked: Ask, key: str, _basis: Basis) -> Problem:
    """What the frontier is solved from; ``key`` is that of the basis."""
    loaded = study(reference)
    names = None if _basis.traces is None else {block.name for block in _basis.traces.blocks}
    partitions = [blocks(reference, granularity) for granularity in GRANULARITIES]
    own = next((each for each in partitions if {block.name for block in each} == names), partitions[0])
    return plans.study_problem(loaded, _basis.traces, **asked.options(own, _basis.table))


@st.cache_resource(show_spinner="Solving for the frontier …", max_entries=32)
def frontier(reference: str, asked: Ask, key: str, _basis: Basis) -> Frontier:
    """The exact frontier of a study, whose ties hold when it is a profile."""
    return plans.solve(problem(reference, asked, key, _basis))


@st.cache_resource(show_spinner="Enumerating set B …", max_entries=8)
def set_b(reference: str, asked: Ask, key: str, _basis: Basis) -> SetB:
    """Every plan of HAWQ-V2's set B under the same wishes."""
    return plans.enumerate_set_b(problem(reference, replace(asked, monotone=True), key, _basis))


@st.cache_resource(show_spinner="Following the greedy path …", max_entries=8)
def greedy(reference: str, asked: Ask, key: str, _basis: Basis) -> Curve:
    """The path of the greedy baseline."""
    return plans.greedy(problem(reference, asked, key, _basis))

"""What sessions share: the store and what was parsed from it, loaded studies, their blocks, tables and frontiers.

A study whose files were written since it was loaded is loaded anew, so that no page shows the figures of a network that
is gone; what is derived from a study is kept under its fingerprint.
Studies are pristine and never changed; whoever trains or quantizes copies the network first.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import streamlit as st

from explorer import plans, studies
from explorer.blocks import Block, Granularity
from explorer.jobs import basis, shipped
from explorer.jobs.basis import Basis
from explorer.jobs.gauge.client import Gauge, Gauges
from explorer.jobs.snapshot import Snapshot
from explorer.plans import Curve, Frontier, FrontierQuestion, Problem, SetB
from explorer.runs import Run, Store
from explorer.studies import AnyStudy

GRANULARITIES: tuple[Granularity, ...] = ("layer", "module")
_LOOKED_AT: ContextVar[dict[str, AnyStudy] | None] = ContextVar("studies_of_this_redraw", default=None)
_QUESTION: dict[str | type[Any], Callable[[Any], Any]] = {FrontierQuestion: FrontierQuestion.canonical}


@st.cache_resource(show_spinner=False)
def store() -> Store:
    """The store of runs, one for the server; a new one is given the results that come with the project."""
    opened = Store.open()
    shipped.give(opened)
    return opened


@st.cache_resource(show_spinner=False)
def _snapshots() -> dict[str, Snapshot]:
    return {}


def snapshot(fingerprint: str) -> Snapshot:
    """The runs of a study as they are now; what an earlier snapshot parsed is not parsed again."""
    known = _snapshots()
    known[fingerprint] = Snapshot(store(), fingerprint, known.get(fingerprint))
    return known[fingerprint]


@contextmanager
def one_look() -> Iterator[None]:
    """One redraw of a page, within which the files of a study are looked at once."""
    token = _LOOKED_AT.set({})
    try:
        yield
    finally:
        _LOOKED_AT.reset(token)


@st.cache_resource(show_spinner=False)
def _gauges() -> Gauges:
    return Gauges(store().home / "logs")


def gauge(reference: str) -> Gauge:
    """What measures plans of a study as its files are now."""
    return _gauges().of(reference, study(reference).fingerprint)


def study(reference: str) -> AnyStudy:
    """A loaded study, as its files are now, or were at the start of a redraw; it must not be changed."""
    looked_at = _LOOKED_AT.get()
    if looked_at is not None and reference in looked_at:
        return looked_at[reference]
    found = _loaded(reference)
    if not found.origin.unchanged:
        _loaded.clear(reference)
        found = _loaded(reference)
    if looked_at is not None:
        looked_at[reference] = found
    return found


@st.cache_resource(show_spinner="Loading the study …", max_entries=4)
def _loaded(reference: str) -> AnyStudy:
    return studies.load(reference)


def blocks(reference: str, granularity: Granularity) -> tuple[Block, ...]:
    """The blocks of a study; a profile study has its published ones at either granularity."""
    found = study(reference)
    return _blocks(found.fingerprint, granularity, found)


@st.cache_resource(show_spinner=False, max_entries=16)
def _blocks(fingerprint: str, granularity: Granularity, _study: AnyStudy) -> tuple[Block, ...]:
    return _study.blocks(granularity)


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=_QUESTION)
def problem(reference: str, question: FrontierQuestion, key: str, _basis: Basis) -> Problem:
    """What the frontier is solved from; ``key`` is that of the basis."""
    return plans.study_problem(study(reference), _basis.traces, question=question, damage=_basis.table)


@st.cache_resource(show_spinner="Solving for the frontier …", max_entries=32, hash_funcs=_QUESTION)
def frontier(reference: str, question: FrontierQuestion, key: str, _basis: Basis) -> Frontier:
    """The exact frontier of a study, whose ties hold when it is a profile."""
    return plans.solve(problem(reference, question, key, _basis))


@st.cache_resource(show_spinner="Enumerating set B …", max_entries=8, hash_funcs=_QUESTION)
def set_b(reference: str, question: FrontierQuestion, key: str, _basis: Basis) -> SetB:
    """Every plan of HAWQ-V2's set B under the same constraints."""
    return plans.enumerate_set_b(problem(reference, question.but(monotone=True), key, _basis))


@st.cache_resource(show_spinner="Following the greedy path …", max_entries=8, hash_funcs=_QUESTION)
def greedy(reference: str, question: FrontierQuestion, key: str, _basis: Basis) -> Curve:
    """Path of the greedy baseline."""
    return plans.greedy(problem(reference, question, key, _basis))


@st.cache_resource(
    show_spinner="Quantizing every block at every width …", max_entries=32, hash_funcs=_QUESTION
)
def judged(
    reference: str,
    question: FrontierQuestion,
    key: str,
    measured: tuple[str, ...],
    _basis: Basis,
    _runs: Mapping[str, Run],
) -> Basis:
    """A basis with the damage of every block at every width, measured in runs of these ids or computed."""
    return basis.with_damage(study(reference), question, _basis, _runs, basis.TABULATED)

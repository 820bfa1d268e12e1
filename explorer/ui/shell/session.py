"""The current study, partition and plan of one person, and the block that is looked at; kept in the session.

A plan belongs to a network's weights and a partition of it. Looking at another study or partition leaves it where it
is, with what Undo and Redo would bring, and it is the current one again when the person comes back.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import streamlit as st

from explorer import places, studies
from explorer.blocks import Block, Granularity
from explorer.plans import Plan
from explorer.studies import AnyStudy, derived
from explorer.ui.shell import caches
from explorer.ui.state.history import History

_STUDY, _BLOCKS, _PLANS, _REVISION = "study", "blocks", "plans", "plan_revision"
_FOCUS = "block_looked_at"


@dataclass(frozen=True)
class Place:
    """What a plan is for."""

    study: str
    weights: str
    blocks: tuple[str, ...]


def own_studies() -> tuple[str, ...]:
    """The studies the operator started the app with (``python -m explorer app --study PATH``, or EXPLORER_STUDIES), and
    those made of networks that were trained here."""
    named = [value for option, value in pairwise(sys.argv) if option == "--study"]
    listed = os.environ.get("EXPLORER_STUDIES", "")
    given = [*named, *(path for path in listed.split(os.pathsep) if path)]
    return tuple(dict.fromkeys([*given, *derived.kept(places.home())]))


def offered() -> list[studies.StudyCard]:
    """The studies the picker offers."""
    return studies.catalogue(own_studies())


def reference() -> str:
    """Name or path the current study is loaded by; only offered studies can be reached through the address."""
    found: str = st.session_state.setdefault(_STUDY, studies.DEFAULT)
    return found


def named() -> str:
    """The same before the address was read: what it names, unless the session has chosen already."""
    return str(st.session_state.get(_STUDY) or st.query_params.get("study") or studies.DEFAULT)


def study() -> AnyStudy:
    """The current study."""
    return caches.study(reference())


def granularity() -> Granularity:
    """The current partition."""
    found: Granularity = st.session_state.setdefault(_BLOCKS, "layer")
    return found


def blocks() -> tuple[Block, ...]:
    """The blocks of the current study and partition."""
    return caches.blocks(reference(), granularity())


def plan() -> Plan | None:
    """The current plan of the current study and partition."""
    return _history().now


def settled_plan() -> Plan | None:
    """The same, but while a handle is dragged the plan it started from."""
    return _history().settled


def revision() -> int:
    """Changes whenever the plan was replaced from outside the editor, which then starts afresh."""
    found: int = st.session_state.setdefault(_REVISION, 0)
    return found


def take(new: Plan | None, *, from_editor: bool = False, passing: bool = False, first: bool = False) -> None:
    """Make a plan the current one; `undo` brings the one before back.

    Args:
        from_editor: the table of the plan says so itself and must not start afresh.
        passing: a handle is on its way; what it passes is not remembered.
        first: the session begins with it, so there is none before it.
    """
    _keep(History(new) if first else _history().take(new, passing=passing), from_editor=from_editor)


def past() -> tuple[Plan | None, ...]:
    """Earlier plans of this study and partition, the last one last; None where there was no plan."""
    return _history().past


def future() -> tuple[Plan | None, ...]:
    """The plans that were undone, the next one last."""
    return _history().future


def undo() -> None:
    """Bring back the plan before."""
    _keep(_history().undo())


def redo() -> None:
    """Bring back the plan that was undone last."""
    _keep(_history().redo())


def go_to(wanted: Callable[[Plan | None], bool]) -> bool:
    """Undo or redo as far as the nearest plan that is wanted; whether there is one."""
    found = _history().back_to(wanted)
    if found is None:
        return False
    if found != _history():
        _keep(found)
    return True


def choose_study(new: str) -> None:
    """Change the study."""
    if new != reference():
        st.session_state[_STUDY] = new
        _start_editor_afresh()


def choose_granularity(new: Granularity) -> None:
    """Change the partition."""
    if new != granularity():
        st.session_state[_BLOCKS] = new
        _start_editor_afresh()


def _history() -> History:
    return _histories().get(_place(), History())


def _keep(history: History, *, from_editor: bool = False) -> None:
    _histories()[_place()] = history
    if not from_editor:
        _start_editor_afresh()


def _histories() -> dict[Place, History]:
    found: dict[Place, History] = st.session_state.setdefault(_PLANS, {})
    return found


def _place() -> Place:
    return Place(reference(), study().weights_sha256, tuple(block.name for block in blocks()))


def _start_editor_afresh() -> None:
    st.session_state[_REVISION] = revision() + 1


def focus() -> str | None:
    """The block that is looked at, if it is one of the current study and partition."""
    name: str | None = st.session_state.get(_FOCUS)
    return name if any(block.name == name for block in blocks()) else None


def look_at(name: str | None) -> None:
    """Look at a block, or at none."""
    st.session_state[_FOCUS] = name

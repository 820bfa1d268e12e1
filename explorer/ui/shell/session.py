"""The current study, partition and plan of one person; kept in the session and in the address.

The address bar carries ``study``, ``blocks``, ``plan`` (weight bits, then activation bits: ``8.4.2_8.8.8``) and
``block`` (the one that is looked at), so a link shows another person the same thing.
"""

import os
import sys
from itertools import pairwise

import streamlit as st

from explorer import studies
from explorer.blocks import Block, Granularity
from explorer.errors import PlanError, sentence
from explorer.plans import BlockBits, Plan
from explorer.questions.base import LONGEST_NAME
from explorer.studies import AnyStudy
from explorer.ui.shell import caches

_STUDY, _BLOCKS, _PLAN, _REVISION, _SEEN = "study", "blocks", "plan", "plan_revision", "address_seen"
_FOCUS, _LINK = "block_looked_at", "link_followed"
_PAST, _FUTURE, _BEFORE = "plans_before", "plans_undone", "plan_before_drag"
_REMEMBERED = 100


def own_studies() -> tuple[str, ...]:
    """The studies the operator started the app with: ``python -m explorer app --study PATH``, or EXPLORER_STUDIES."""
    named = [value for option, value in pairwise(sys.argv) if option == "--study"]
    listed = os.environ.get("EXPLORER_STUDIES", "")
    return tuple(dict.fromkeys([*named, *(path for path in listed.split(os.pathsep) if path)]))


def offered() -> list[studies.StudyCard]:
    """The studies the picker offers."""
    return studies.catalogue(own_studies())


def reference() -> str:
    """Name or path the current study is loaded by; only offered studies can be reached through the address."""
    found: str = st.session_state.setdefault(_STUDY, studies.DEFAULT)
    return found


def named() -> str:
    """The same before the address was read: what it names, unless the session has chosen already."""
    return str(st.session_state.get(_STUDY) or _link().get("study") or studies.DEFAULT)


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
    """The current plan, if it is for the current study and partition."""
    held: Plan | None = st.session_state.get(_PLAN)
    return held if held is not None and _fits(held) else None


def _fits(held: Plan) -> bool:
    if held.weights_sha256 != study().weights_sha256:
        return False
    return set(held.blocks) == {block.name for block in blocks()}


def revision() -> int:
    """Changes whenever the plan was replaced from outside the editor, which then starts afresh."""
    found: int = st.session_state.setdefault(_REVISION, 0)
    return found


def take(new: Plan | None, *, from_editor: bool = False, passing: bool = False) -> None:
    """Make a plan the current one; `undo` brings the one before back.

    Args:
        from_editor: the table of the plan says so itself and must not start afresh.
        passing: a handle is on its way; what it passes is not remembered.
    """
    before = st.session_state.get(_PLAN)
    if passing:
        st.session_state.setdefault(_BEFORE, before)
    else:
        before = st.session_state.pop(_BEFORE, before)
        if before is not None and new is not None and before != new:
            st.session_state[_PAST] = [*past(), before][-_REMEMBERED:]
            st.session_state[_FUTURE] = []
    _hold(new, from_editor=from_editor)


def past() -> list[Plan]:
    """Earlier plans, the last one last; those of another study or partition left out."""
    return [plan for plan in st.session_state.get(_PAST, []) if _fits(plan)]


def future() -> list[Plan]:
    """The plans that were undone, the next one last."""
    return [plan for plan in st.session_state.get(_FUTURE, []) if _fits(plan)]


def undo() -> None:
    """Bring back the plan before."""
    _step(_PAST, past(), _FUTURE, future())


def redo() -> None:
    """Bring back the plan that was undone last."""
    _step(_FUTURE, future(), _PAST, past())


def _step(source: str, plans: list[Plan], target: str, others: list[Plan]) -> None:
    held = plan()
    if not plans:
        return
    st.session_state[source] = plans[:-1]
    st.session_state[target] = others if held is None else [*others, held]
    _hold(plans[-1])


def _hold(new: Plan | None, *, from_editor: bool = False) -> None:
    st.session_state[_PLAN] = new
    if not from_editor:
        st.session_state[_REVISION] = revision() + 1


def choose_study(new: str) -> None:
    """Change the study; the current plan stays behind with the old one."""
    if new != reference():
        st.session_state[_STUDY] = new
        take(None)


def choose_granularity(new: Granularity) -> None:
    """Change the partition; the current plan belongs to the old one."""
    if new != granularity():
        st.session_state[_BLOCKS] = new
        take(None)


def focus() -> str | None:
    """The block that is looked at, if it is one of the current study and partition."""
    name: str | None = st.session_state.get(_FOCUS)
    return name if any(block.name == name for block in blocks()) else None


def look_at(name: str | None) -> None:
    """Look at a block, or at none."""
    st.session_state[_FOCUS] = name


def remember_link() -> None:
    """Keep the address that a session began with, before there is a menu: a click there takes it out of the browser."""
    _link()


def _link() -> dict[str, str]:
    found: dict[str, str] = st.session_state.setdefault(_LINK, st.query_params.to_dict())
    return found


def read_address() -> str | None:
    """Take study and plan from the address, once a session; what was wrong with it, or None."""
    if st.session_state.get(_SEEN):
        return None
    complaint = _read(_link())
    st.session_state[_SEEN] = (
        True  # only now: a click may end this run of the script, and the next one reads again
    )
    return complaint


def _read(link: dict[str, str]) -> str | None:
    if named := link.get("study"):
        if named not in [card.name for card in offered()]:
            return sentence(f"The link names the study {named!r}, which this app was not started with.")
        st.session_state[_STUDY] = named
    if link.get("blocks") in ("layer", "module"):
        st.session_state[_BLOCKS] = link["blocks"]
    if (name := link.get("block")) and len(name) <= LONGEST_NAME:
        look_at(name)
    if text := link.get("plan"):
        try:
            take(_decode(text))
        except PlanError as error:
            return sentence(f"The plan in the link was not used: {error}")
        if link.get("steps"):
            return (
                "The plan in the link had its own step sizes, which a link does not hold, so it was opened without "
                "them. Choose them again on Step sizes, or upload its plan.json."
            )
    return None


def write_address() -> None:
    """Put study, partition, plan and block into the address."""
    wanted = {"study": reference(), "blocks": granularity()}
    if (held := plan()) is not None:
        wanted["plan"] = encode(held)
        if held.steps is not None:
            wanted["steps"] = "own"  # so that whoever opens it is told that they are not in it
    if (name := focus()) is not None:
        wanted["block"] = name
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def encode(held: Plan) -> str:
    """A plan as it stands in the address."""
    weights = ".".join(str(bits.w_bits) for bits in held.blocks.values())
    return f"{weights}_{'.'.join(str(bits.a_bits) for bits in held.blocks.values())}"


def _decode(text: str) -> Plan:
    names = [block.name for block in blocks()]
    parts = [
        part.split(".") for part in text[: 6 * len(names) + 1].split("_")
    ]  # two widths a block, each of two digits
    if len(parts) != 2 or any(len(part) != len(names) for part in parts):
        raise PlanError(f"it does not have one width for each of the {len(names)} blocks")
    if not all(
        digits.isascii() and digits.isdecimal() and len(digits) < 3 for part in parts for digits in part
    ):
        raise PlanError("it holds something that is not a number of bits")
    bits = {name: BlockBits(int(w), int(a)) for name, w, a in zip(names, *parts, strict=True)}
    return Plan(study().name, study().weights_sha256, bits)

"""Study, partition, plan, block and the page's widgets in the address: a link shows another person the same screen.

``study`` and ``blocks`` stand there unless they are the default; ``plan`` is weight bits, then activation bits
(``8.4.2_8.8.8``); ``block`` is the one that is looked at. The rest is the page's (see
``explorer.ui.state.address``). A change of study, partition or plan is a step of the browser's history, and Back
takes it back; any other change only rewrites the address (see ``explorer.ui.state.browser``).
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import studies
from explorer.errors import PlanError, sentence
from explorer.plans import BlockBits, Plan
from explorer.plans.plan.plan import spelled
from explorer.studies import AnyStudy
from explorer.ui.shell import session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

_SEEN, _FOLLOWED, _PAGE = "address_seen", "address_followed", "address_page"
_WHOLE, _WRONG, _APART = "address_whole", "address_wrong", "address_apart"
_OWN = ("study", "blocks", "plan", "steps", "block")


def remember() -> None:
    """Before there is a menu: keep an address that comes from outside, by a link or by Back.

    A click in the menu ends the run of the script that reads it, and takes it out of the browser; the next run reads on.
    """
    if _FOLLOWED not in st.session_state or _went_back():
        st.session_state[_FOLLOWED] = st.query_params.to_dict()


def lead(page: str, said: Mapping[str, str]) -> NoReturn:
    """Go to a page as if a link with this address had been opened."""
    st.session_state[_FOLLOWED] = dict(said)
    st.switch_page(f"pages/{page}.py", query_params=dict(said))


def read(page: str, *, apart: bool = False) -> None:
    """Before a page is drawn: take over an address that comes from outside.

    Args:
        apart: the page is of no study, so its address says nothing of study and plan, which stay as they are.
    """
    state = st.session_state
    state[_WHOLE], state[_APART] = False, apart
    if state.get(_PAGE) != page:
        state[_PAGE] = page
        address.forget_unread()
    address.begin()
    said: dict[str, str] | None = state.get(_FOLLOWED)
    if said is None:
        return
    here = (
        said == st.query_params.to_dict()
    )  # else it was of another page than the one that was clicked since
    address.arrive({name: text for name, text in said.items() if here and name not in _OWN})
    if not apart:
        state[_WRONG] = list(_take_over(said, first=not state.get(_SEEN)))
        state[_SEEN] = True
    state[_FOLLOWED] = None


def write() -> None:
    """After a page is drawn: put into the address what it shows."""
    st.session_state[_WHOLE] = True
    wanted = _wanted()
    if dict(st.query_params) != wanted:
        st.query_params.from_dict(wanted)


def write_part() -> None:
    """After a part of a page was drawn anew by itself; while a whole page is being drawn, that will do it."""
    if st.session_state.get(_WHOLE):
        write()


def complain(place: DeltaGenerator) -> None:
    """Say once what of a link could not be shown."""
    wrong: list[str] = st.session_state.setdefault(_WRONG, [])
    if names := address.refused():
        wrong.append(
            f"The link asks for {', '.join(names)}, which is not offered here; the rest of it is shown."
        )
    if wrong:
        place.warning(plain(" ".join(wrong)))
    if st.session_state.get(_WHOLE):
        st.session_state[_WRONG] = []


def encode(held: Plan) -> str:
    """A plan as it stands in the address."""
    return spelled(held.blocks)


def decode(text: str, study: AnyStudy, names: Sequence[str]) -> Plan:
    """The plan for these blocks of a study that stands in an address.

    Raises:
        PlanError: the text is none.
    """
    bounded = text[: 6 * len(names) + 1]  # two widths a block, each of two digits
    parts = [part.split(".") for part in bounded.split("_")]
    if len(parts) != 2 or any(len(part) != len(names) for part in parts):
        raise PlanError(f"it does not have one width for each of the {len(names)} blocks")
    if not all(
        digits.isascii() and digits.isdecimal() and len(digits) < 3 for part in parts for digits in part
    ):
        raise PlanError("it holds something that is not a number of bits")
    bits = {name: BlockBits(int(w), int(a)) for name, w, a in zip(names, *parts, strict=True)}
    return Plan(study.name, study.weights_sha256, bits)


def _went_back() -> bool:
    """Whether Back or Forward of the browser brought a person here; the address is then from outside."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _wanted() -> dict[str, str]:
    wanted: dict[str, str] = {}
    if st.session_state.get(_APART):
        return address.written()
    if session.reference() != studies.DEFAULT:
        wanted["study"] = session.reference()
    if session.granularity() != "layer":
        wanted["blocks"] = session.granularity()
    if (held := session.settled_plan()) is not None:
        wanted["plan"] = encode(held)
        if held.steps is not None:
            wanted["steps"] = "own"  # so that whoever opens it is told that they are not in it
    if (name := session.focus()) is not None:
        wanted["block"] = name
    return wanted | address.written()


def _take_over(said: Mapping[str, str], *, first: bool) -> list[str]:
    """Show what an address says; what could not be shown, in sentences."""
    wrong = []
    named = said.get("study", studies.DEFAULT)
    if named not in [card.name for card in session.offered()]:
        return [sentence(f"The link names the study {named!r}, which this app was not started with.")]
    session.choose_study(named)
    session.choose_granularity("module" if said.get("blocks") == "module" else "layer")
    if (name := said.get("block")) is not None and name not in [block.name for block in session.blocks()]:
        wrong.append(sentence(f"The link looks at the block {name!r}, which this study does not have."))
        name = None
    session.look_at(name)
    return wrong + _take_plan(said.get("plan"), own_steps=bool(said.get("steps")), first=first)


def _take_plan(text: str | None, *, own_steps: bool, first: bool) -> list[str]:
    def wanted(plan: Plan | None) -> bool:
        if plan is None or text is None:
            return plan is None and text is None
        return encode(plan) == text and (plan.steps is not None) == own_steps

    if (first and text is None) or session.go_to(wanted):
        return []
    if text is None:
        session.take(None)
        return []
    try:
        new = decode(text, session.study(), [block.name for block in session.blocks()])
    except PlanError as error:
        return [sentence(f"The plan in the link was not used: {error}")]
    session.take(new, first=first)
    if not own_steps:
        return []
    return [
        "The plan in the link had its own step sizes, which a link does not hold, so it was opened without them. Choose "
        "them again on Step sizes, or upload its plan.json."
    ]

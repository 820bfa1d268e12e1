"""A tour of five steps over the real pages: a bar below the strip that names what to look at, and leads on."""

from dataclasses import dataclass

import streamlit as st

from explorer import studies
from explorer.ui.shell import navigation, sentences, session

_STEP = "tour_step"


@dataclass(frozen=True)
class Step:
    """A page, the question it answers, and what to look at."""

    file: str
    question: str
    look: str


STEPS = (
    Step(
        "model",
        "what is there to quantize?",
        "Each box is a block, which gets one bit width. The dark ones hold most of the weights.",
    ),
    Step(
        "sensitivity",
        "which blocks need bits?",
        "The higher a dot, the more the loss curves when that block's weights move. Find the highest and the lowest.",
    ),
    Step(
        "landscape",
        "what does sensitive look like?",
        "The loss around the trained weights: steep for one block, flat for another. The marks are where 8 to 2 bits land.",
    ),
    Step(
        "frontier",
        "how small at what damage?",
        "Every dot is a plan. Click one on the line: its bits per block appear, and it is the current plan from now on.",
    ),
    Step(
        "fine_tune",
        "what does training win back?",
        "Press Start fine-tuning to train the current plan; Results then compares it with the network before.",
    ),
)


def begin() -> None:
    """Go to the first step, with the shipped network."""
    session.choose_study(studies.DEFAULT)
    _go(0)


def show(page: navigation.Entry) -> None:
    """The bar, while there is a tour; on a page that is not the step's, the way back to it."""
    step: int | None = st.session_state.get(_STEP)
    if step is None:
        return
    here = STEPS[step]
    title = navigation.entry(here.file).title
    with st.container(key="tour", horizontal=True, vertical_alignment="center", gap="small"):
        words = f"**Tour {step + 1} of {len(STEPS)}: {title}** – {here.question}"
        st.markdown(f"{words} {here.look}" if page.file == here.file else words, width="stretch")
        if page.file != here.file:
            if st.button("Back to the tour", key="tour_back", icon=":material/undo:"):
                _go(step)
        elif step + 1 < len(STEPS):
            following = navigation.entry(STEPS[step + 1].file).title
            if st.button(
                f"Next: {following}", key="tour_next", type="primary", icon=":material/arrow_forward:"
            ):
                _go(step + 1)
        last = page.file == here.file and step + 1 == len(STEPS)
        st.button(
            "End the tour" if last else "Leave the tour",
            key="tour_leave",
            type="primary" if last else "tertiary",
            on_click=sentences.callback(_leave),
        )


def _leave() -> None:
    st.session_state.pop(_STEP, None)


def _go(step: int) -> None:
    st.session_state[_STEP] = step
    st.switch_page(f"pages/{STEPS[step].file}.py")

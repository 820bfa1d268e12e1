"""An experiment on a page: its controls, the pictures, the numbers and what came out, drawn anew by itself.

What comes out depends on the lesson and the values of the controls alone, so sessions share it: a class that is told to
move the same slider computes each of its places once.
"""

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from explorer.course import finding
from explorer.course.controls import Choice, Control, Value
from explorer.course.parts import Outcome
from explorer.figures import look
from explorer.ui.course import moving, presenting
from explorer.ui.parts import beside, picking
from explorer.ui.shell import sentences

_LARGE = 21  # pixels of type in a presented picture
_KEPT = 400  # outcomes, of some 10 to 100 kB each


def show(number: int, key: str) -> None:
    """Title, what to do, and below it what answers."""
    experiment = finding.lesson(number).experiment(key)
    with st.container(key=f"experiment_{number}_{key}", border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(experiment.title, anchor=f"experiment-{key}", width="stretch")
            presenting.button(number, key)
        if experiment.try_this:
            st.markdown(experiment.try_this)
        answering(number, key)


@sentences.fragment()
def answering(number: int, key: str, *, large: bool = False) -> None:
    """Controls and what they give; ``large``: for a class, with the controls below the picture."""
    experiment = finding.lesson(number).experiment(key)
    controls = experiment.settled()
    name = f"lesson{number}_{key}"
    if large:
        picture = st.container(key=f"large_{name}")
        with st.container(key=f"large_controls_{name}", horizontal=True, gap="large"):
            values: dict[str, Value] = {}
            for control in controls:
                with st.container(width=320):
                    values |= moving.draw(number, [control])
    else:
        column, picture = beside.columns(name)
        with column:
            values = moving.draw(number, controls)
    with picture:
        outcome(_computed(number, key, tuple(values.items()), large), name)
    for control in controls:
        if isinstance(control, Choice) and control.clicked:
            _follow(number, control, f"{name}_0", values[control.name])


@st.cache_resource(show_spinner=False, max_entries=_KEPT)
def _computed(number: int, key: str, values: tuple[tuple[str, Value], ...], large: bool) -> Outcome:
    """What comes out for some values, its pictures as they are drawn; not to be changed."""
    return dressed(finding.lesson(number).experiment(key).compute(**dict(values)), large=large)


def dressed(found: Outcome, *, large: bool = False) -> Outcome:
    """An outcome whose pictures have the page's type; ``large``: to be read from the last row."""
    for picture in found.pictures:
        if large:
            _enlarge(picture.figure)
        look.inked(picture.figure)
    return found


def outcome(found: Outcome, key: str) -> None:
    """Numbers, pictures and the finding, of an outcome that is `dressed`."""
    if found.quantities:
        with st.container(key=f"lesson_numbers_{key}", horizontal=True, gap="medium"):
            for quantity in found.quantities:
                st.metric(quantity.label, quantity.text, help=quantity.help or None, width="content")
    beside_each_other = st.container(horizontal=True, gap="medium", key=f"pictures_{key}")
    for place, picture in enumerate(found.pictures):
        with beside_each_other, st.container(width="stretch", key=f"picture_{place}_{key}"):
            if picture.title:
                st.caption(picture.title)
            st.plotly_chart(
                picture.figure,
                key=f"{key}_{place}",
                alt=picture.alt,
                config={"displayModeBar": False},
            )
    with st.container(key=f"finding_{key}"):
        st.markdown(found.finding)
    if found.table is not None:
        # What is folded is drawn when it is opened: the browser's code for tables takes longer than a page of text.
        with st.expander(
            "The numbers", icon=":material/table:", key=f"numbers_{key}", on_change="rerun"
        ) as numbers:
            if numbers.open:
                st.dataframe(pd.DataFrame({name: list(values) for name, values in found.table.items()}))


def _enlarge(figure: go.Figure) -> None:
    """Type that is read from the last row."""
    type = {"font": {"size": _LARGE}}
    figure.update_layout(height=470, font={"size": _LARGE}, legend=type)
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(tickfont={"size": _LARGE}, title=type)


def _follow(number: int, control: Control, chart: str, value: object) -> None:
    def chosen(name: str) -> None:
        assert isinstance(control, Choice)
        by_text = {str(option): option for option in control.options}
        if name in by_text:
            st.session_state[moving.key_of(number, control)] = by_text[name]

    picking.follow(chart, str(value), chosen)

"""The start page: what the app is for, for whom, a picture, and the ways in."""

import streamlit as st

from explorer import studies
from explorer.ui.parts.terms import term
from explorer.ui.shell import navigation, session
from explorer.ui.shell.plain import plain
from explorer.ui.start import recent, tour


def show() -> None:
    """What it is at the left, the picture at the right; below, the ways in and what was done last."""
    st.title(navigation.NAME, anchor=False)
    if found := recent.traces():
        words, picture = st.columns([1, 1], gap="large")
        with words:
            _purpose()
        with picture:
            recent.picture(found)
    else:
        _purpose()
    _ways_in()
    recent.resume()


def _purpose() -> None:
    st.markdown(
        f"Networks run on small devices when their numbers are stored with fewer bits ({term('quantization')}), and some "
        "layers bear that better than others. This app measures how many bits each layer of a trained network needs, "
        "shows why, finds the best choice for your size or compute budget, and trains the result. It is for engineers "
        "who deploy networks, and for those who teach or learn how quantization works."
    )
    st.markdown(
        f"- A {term('block')} is a layer, or a residual block, that gets one bit width.\n"
        f"- A {term('plan')} is a choice of bits for every block.\n"
        f"- {term('omega', 'Ω')} is the damage that a plan is predicted to do to the loss, from how the loss curves "
        f"(its {term('hessian')})."
    )


def _ways_in() -> None:
    own = [card for card in session.offered() if card.name not in studies.names()]
    course = navigation.has("course")
    with st.container(key="ways"):
        columns = st.columns(4 if course else 3)
    with columns[0], st.container(border=True, height="stretch", key="way_explore"):
        st.header("Explore a network", anchor=False)
        st.write("A ResNet-20 for pictures of clothes, trained by this project, comes with its results.")
        _open("Explore the shipped network", studies.DEFAULT, primary=not own)
    with columns[1], st.container(border=True, height="stretch", key="way_tour"):
        st.header("Take the tour", anchor=False)
        st.write(
            "Five pages in five minutes: what to look at on each, from the network to the trained result."
        )
        if st.button("Start the tour", icon=":material/tour:", width="stretch"):
            tour.begin()
    with columns[2], st.container(border=True, height="stretch", key="way_own"):
        st.header("Bring your own", anchor=False)
        if own:
            for card in own:
                _open(f"Explore {plain(card.title)}", card.name, primary=card is own[0])
        else:
            st.write("A trained PyTorch network, its data, and a file that names them:")
            st.code("python -m explorer app --study PATH", language=None, wrap_lines=True)
        st.page_link("pages/own_study.py", label="How to write a study", icon=":material/upload_file:")
    if course:
        with columns[3], st.container(border=True, height="stretch", key="way_course"):
            st.header("Learn", anchor=False)
            st.write("A course from the first rounded number to a trained network of mixed precision.")
            st.page_link("pages/course.py", label="Open the course", icon=":material/school:")


def _open(label: str, study: str, *, primary: bool) -> None:
    if st.button(
        label,
        key=f"open_{study}",
        type="primary" if primary else "secondary",
        icon=":material/arrow_forward:",
        width="stretch",
    ):
        session.choose_study(study)
        st.switch_page("pages/model.py")

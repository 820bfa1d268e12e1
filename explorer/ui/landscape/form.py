"""Asking for slices of the loss: which blocks, along what, how fine, and which runs answer it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer.figures import landscape as picture
from explorer.figures import look
from explorer.jobs import requests
from explorer.jobs.requests import spec_of
from explorer.landscape import REFERENCE_BITS, perturbation_norm, shared_radii
from explorer.questions import LandscapeQuestion
from explorer.runs import Run, RunSpec
from explorer.studies import Study
from explorer.ui.parts import beside, picking
from explorer.ui.shell import frame, results, session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

MOST, _MOST_WORD = 4, "four"
ALL = "all blocks"
DIRECTIONS = {"eigen": "eigenvectors", "random": "random", "quantization": "quantization"}
SIDES = {1: (17, 33, 65), 2: (9, 17, 33)}
WIDTHS = (2, 3, 4, 6, 8)
IMAGES = (128, 512, 2048)
REACHES = {0.5: "half", 1.0: "the 4-bit step", 2.0: "twice", 4.0: "four times"}
_CHOSEN, _STRIP = "landscape_chosen", "landscape_strip"


@dataclass(frozen=True)
class Ask:
    """What the person asks for: a spec a block, in the order of the network, and how it is drawn."""

    specs: Mapping[str, RunSpec]
    dims: int
    points: int
    log: bool
    relief: bool


def ask(study: Study) -> Ask | None:
    """Show the controls; None while no block is chosen."""
    chosen, strip = _blocks(study)
    button = st.container()
    directions = (
        st.segmented_control(
            "Direction",
            list(DIRECTIONS),
            format_func=DIRECTIONS.__getitem__,
            required=True,
            key=address.choice("landscape_directions", "direction", DIRECTIONS, "eigen"),
            help="The directions in which the loss curves most (*top eigenvectors* of the block's Hessian); *random* ones, "
            "each filter as long as the weights' own (Li et al. 2018); or the way that *quantization* itself moves the weights.",
        )
        or "eigen"
    )
    dims = (
        st.segmented_control(
            "Line or plane",
            [1, 2],
            format_func={1: "line", 2: "plane"}.__getitem__,
            required=True,
            key=address.choice("landscape_dims", "dims", [1, 2], 1),
        )
        or 1
    )
    bits = _widths(dims) if directions == "quantization" else ()
    log, relief = _looks(dims)
    points, samples, reach = _more(study, dims)
    strip()
    if not chosen:
        return None
    options: dict[str, Any] = {"directions": directions, "dims": dims, "points": points, "samples": samples}
    if bits:
        options["bits"] = bits
    specs = {
        name: spec_of(study, LandscapeQuestion(block=None if name == ALL else name, radius=radius, **options))
        for name, radius in _radii(chosen, bits, reach).items()
    }
    with button:
        beside.compute(
            {f"Landscape of {name}": spec for name, spec in specs.items()},
            there="All of these slices are measured or being measured; change an option for others.",
            key="landscape_compute",
        )
    return Ask(specs, dims, points, log, relief)


def _looks(dims: int) -> tuple[bool, bool]:
    scale = st.segmented_control(
        "Loss axis",
        ["linear", "log"],
        required=True,
        key=address.choice("landscape_scale", "axis", ["linear", "log"], "linear"),
        help="*log*: how far the loss lies above the lowest point, so that flat and steep valleys can both be seen.",
    )
    drawn = "contours"
    if dims == 2:
        drawn = (
            st.segmented_control(
                "Drawn as",
                ["contours", "3-D"],
                required=True,
                key=address.choice("landscape_drawn", "drawn", ["contours", "3-D"], "contours"),
            )
            or "contours"
        )
    return scale == "log", drawn == "3-D"


def answers(study: Study, asked: Ask) -> dict[str, Run]:
    """Block to the run that answers, where there is one; a coarser or finer one where the very one is missing."""
    known = results.runs_of(study, "landscape")
    found = {}
    for name, spec in asked.specs.items():
        same = [run for run in known if _same_but_points(run.spec, spec)]
        exact = [run for run in same if run.spec.asks_the_same(spec)]
        done = sorted((run for run in same if run.status == "done"), key=_points, reverse=True)
        if best := [*exact, *done]:
            found[name] = best[0]
    return found


def _blocks(study: Study) -> tuple[list[str], Callable[[], None]]:
    """The chosen blocks, in the order of the network, and what draws the picture they can be picked from too."""
    names = [block.name for block in session.blocks()]
    traces = results.traces(study, session.granularity())
    means = {} if traces is None else {b["name"]: b["mean_trace"] for b in results.trace_blocks(traces)}
    kept = [name for name in st.session_state.get(_CHOSEN, []) if name in (*names, ALL)]
    key = f"landscape_blocks_{session.reference()}_{session.granularity()}"
    address.choices(key, "chosen", [*names, ALL], kept or _default(names, means), most=MOST, always=True)
    frame.granularity_control()
    chosen: list[str] = st.multiselect(
        f"Blocks, {_MOST_WORD} at most",
        [*names, ALL],
        max_selections=MOST,
        key=key,
        placeholder=f"Choose one to {_MOST_WORD} blocks",
        help="They are drawn side by side on the same scales.",
    )
    st.session_state[_CHOSEN] = chosen
    in_order = [name for name in (*names, ALL) if name in chosen]
    return in_order, lambda: _strip(means, in_order, key)


def _default(names: Sequence[str], means: Mapping[str, float]) -> list[str]:
    """The block that is looked at, or the most sensitive; and the least sensitive. Else the first and the last."""
    ranked = sorted(names, key=lambda name: means.get(name, 0.0), reverse=True) if means else list(names)
    first = session.focus() or ranked[0]
    return list(dict.fromkeys([first, ranked[-1]]))


def _strip(means: Mapping[str, float], chosen: Sequence[str], key: str) -> None:
    """Mean traces in small; a click adds a block, or takes it away."""
    if not means:
        return

    def picked(name: str) -> None:
        held = list(st.session_state.get(key, []))
        if name in held:
            held.remove(name)
        elif len(held) < MOST:
            held.append(name)
        else:
            st.toast(
                f"{plain(name)} was not added: {_MOST_WORD} blocks at most. Click a chosen one to take it away."
            )
        st.session_state[key] = held

    st.plotly_chart(
        look.inked(picture.strip(means, chosen)),
        key=_STRIP,
        alt=f"Mean trace of every block, to choose blocks from; chosen: {', '.join(chosen) or 'none'}",
        config={"displayModeBar": False},
    )
    picking.follow(_STRIP, None, picked)


def _widths(dims: int) -> tuple[int, ...]:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        first = st.selectbox(
            "Bits",
            WIDTHS,
            width=90,
            key=address.choice("landscape_bits", "bits", WIDTHS, 4),
            help="The axis runs along Q(W) - W at this width.",
        )
        if dims == 1:
            return (first,)
        others = [bits for bits in WIDTHS if bits != first]
        key = address.choice("landscape_second_bits", "bits2", others, others[0])
        second = st.selectbox("and", others, width=90, key=key)
    return first, second


def _more(study: Study, dims: int) -> tuple[int, int, float]:
    """Points a side, images, and how far the axes go."""
    with st.popover("More options", icon=":material/tune:", width="stretch"):
        points = st.selectbox(
            "Points",
            SIDES[dims],
            format_func=lambda side: f"{side}" if dims == 1 else f"{side} × {side}",
            key=address.choice(f"landscape_points_{dims}", "points", SIDES[dims], SIDES[dims][1]),
            help="Measured coarse to fine; the picture is there after the first 5 a side.",
        )
        samples = st.selectbox(
            study.training_name.capitalize(),
            IMAGES,
            key=address.choice("landscape_images", "samples", IMAGES, 512),
            help="The loss is the mean over them; always the same ones.",
        )
        reach = st.selectbox(
            "Range",
            list(REACHES),
            format_func=REACHES.__getitem__,
            key=address.choice("landscape_reach", "range", tuple(REACHES), 1.0),
            help="How far the axes go: as a multiple of the longest of the chosen blocks' perturbations, rounded up, so "
            "that all panels have one scale.",
        )
    return points, samples, reach


def _radii(chosen: Sequence[str], bits: Sequence[int], reach: float) -> dict[str, float | None]:
    """Radius to ask for of every chosen block, so that all panels have one scale."""
    study, along = session.study(), bool(bits)
    assert isinstance(study, Study)
    norms = {
        name: [
            _norm(study.fingerprint, None if name == ALL else name, b, study)
            for b in bits or (REFERENCE_BITS,)
        ]
        for name in chosen
    }
    return shared_radii(norms, quantization=along, reach=reach)


@st.cache_data(show_spinner=False)
def _norm(fingerprint: str, block: str | None, bits: int, _study: Study) -> float:
    return perturbation_norm(_study, block, bits)


def _points(run: Run) -> int:
    return int(requests.question_of(run.spec).options()["points"])


def _same_but_points(one: RunSpec, other: RunSpec) -> bool:
    def rest(spec: RunSpec) -> dict[str, Any]:
        return {key: value for key, value in spec.parameters.items() if key != "points"}

    return rest(one) == rest(other) and (one.seed, one.version) == (other.seed, other.version)

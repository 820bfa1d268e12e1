"""One tensor: its values with the grid of its quantizer, where it is picked, and how its step is moved by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.errors import LapqError
from explorer.figures import look
from explorer.figures.steps import histogram
from explorer.figures.steps import sites as step_sites
from explorer.lapq import Site
from explorer.lapq.diagnostics.trial import Trial
from explorer.studies import Study
from explorer.ui.parts import export, live_chart, picking
from explorer.ui.shell import session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address
from explorer.ui.steps.form import Asked

TRIAL_IMAGES = 128
SITE, _STRIP = "steps_site", "steps_strip"


@st.cache_resource(show_spinner="Running the network on the calibration samples …", max_entries=3)
def _trial(fingerprint: str, options: tuple[tuple[str, Any], ...], _study: Study) -> Trial:
    return Trial(_study, **dict(options))


def trial(asked: Asked, images: int = TRIAL_IMAGES) -> Trial | None:
    """The network to try steps on, on so many images; None, and the reason in a sentence, where there cannot be one."""
    study = session.study()
    assert isinstance(study, Study)
    options = {**asked.options, "images": min(asked.calibration, images)}
    try:
        return _trial(study.fingerprint, tuple(options.items()), study)
    except LapqError as error:
        st.warning(plain(f"This cannot be quantized: {error}"))
        return None


def least_error_steps(asked: Asked, held: Trial, p: float) -> dict[str, float]:
    """Site to the step of least L_p error, on the trial's images."""
    return _least_error(session.study().fingerprint, asked, p, held)


@st.cache_data(show_spinner="Finding the step of least error of every tensor …", max_entries=32)
def _least_error(fingerprint: str, asked: Asked, p: float, _trial: Trial) -> dict[str, float]:
    return _trial.layerwise(p)


@st.cache_data(show_spinner=False, max_entries=32)
def _values(fingerprint: str, asked: Asked, name: str, _trial: Trial) -> Any:
    return _trial.values(name)


def pick(sites: Sequence[Site], *, label: str = "Tensor", key: str = SITE) -> Site:
    """A list of tensors; what is picked here or on the strip is kept while there is such a tensor."""
    names = [site.name for site in sites]
    address.choice(key, "tensor", names, names[len(names) // 2])
    chosen = st.selectbox(label, names, key=key, width=280, persist_state="session")
    return sites[names.index(chosen)]


def strip(sites: Sequence[Site], stages: Mapping[str, Mapping[str, float]], chosen: str) -> None:
    """All tensors in small; a click picks one."""
    view = step_sites.view(
        [site.name for site in sites],
        [site.kind for site in sites],
        [site.largest for site in sites],
        stages,
    )

    def picked(name: str) -> None:
        st.session_state[SITE] = name

    made = step_sites.figure(view)
    st.plotly_chart(
        made,
        key=_STRIP,
        alt="Clip of every tensor as a share of its largest value",
        config={"displayModeBar": False},
    )
    picking.follow(_STRIP, chosen, picked)
    export.offer(
        made,
        key=_STRIP,
        name="step-clips",
        table=lambda: pd.DataFrame(
            {
                "tensor": view.names,
                **{stage: [steps[name] for name in view.names] for stage, steps in stages.items()},
                "min-max": [site.largest for site in sites],
            }
        ),
    )


def show(
    asked: Asked, held: Trial, site: Site, step: float, *, key: str, height: int = 400
) -> histogram.View:
    """The histogram of a tensor with its grid at a step."""
    log = bool(st.session_state.get("steps_log", True))
    levels = [(level - site.levels.offset) * step for level in range(site.levels.low, site.levels.high + 1)]
    view = histogram.view(
        _values(session.study().fingerprint, asked, site.name, held), levels, name=site.name, kind=site.kind
    )
    made = histogram.figure(view, log=log, height=height, revision=f"{site.name} {site.bits} {log}")
    live_chart.draw(
        made,
        key=key,
        name=f"step-{site.name}",
        alt=f"Histogram of {site.name} with its quantization levels",
        table=lambda: pd.DataFrame({"from": view.edges[:-1], "to": view.edges[1:], "values": view.counts}),
    )
    return view


def log_toggle() -> None:
    """Whether counts are drawn on a logarithmic axis."""
    st.toggle(
        "log counts",
        key=address.switch("steps_log", "log", default=True),
        persist_state="session",
        help="Makes the few large values visible.",
    )


def words(site: Site, view: histogram.View, step: float) -> str:
    """Sentence on what the histogram shows."""
    clipped = sum(view.beyond)
    what = "weights" if site.kind == "weight" else "inputs of the layer"
    of = f"{len(view.levels)} levels with a step of {step:.4g}"
    return (
        f"**{plain(site.name)}** ({what}, {site.bits} bits): {of}, drawn as lines. {look.percent_text(clipped)} of the values lie "
        f"beyond the last level and are clipped to it; the step is {step / site.largest:.0%} of the one that clips nothing. A "
        "smaller step rounds most values more finely but clips more of the large ones; the best step balances the two errors."
    )

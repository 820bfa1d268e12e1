"""Manual view: moving the step of one tensor and seeing the loss answer."""

import hashlib
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.estimates import NOISE, Estimate, within_noise
from explorer.figures import look
from explorer.figures.steps import curves as step_curves
from explorer.jobs import steps as step_answers
from explorer.lapq import Site, plan_of
from explorer.lapq.diagnostics.trial import Trial, Tried
from explorer.studies import Study
from explorer.ui.parts import live_chart
from explorer.ui.shell import caches, sentences, session
from explorer.ui.shell.plain import plain
from explorer.ui.steps import form as steps_form
from explorer.ui.steps import hand as steps_hand
from explorer.ui.steps import tensor as steps_tensor
from explorer.ui.steps.form import Asked

LEAST, MOST = 0.2, 3.0  # of the step it begins at
HEIGHT = 215  # of both pictures
IMAGES = (128, 256, 512, 1024)  # that the loss is measured on
AROUND = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
_STARTS: Mapping[str, str] = {"layerwise": "layer-wise", "quadratic": "best p", "joint": "joint"}
_AGAIN, _TRIED = "steps_by_hand_again", "steps_tried"


@sentences.fragment()
def show(study: Study) -> None:
    """Controls, a slider, and what it does."""
    asked, above, controls, picture = steps_form.columns_with_room(study, with_method=False)
    if asked is None:
        return
    with controls:
        images = st.selectbox(
            f"{study.noun.many.capitalize()} for the loss",
            [each for each in IMAGES if each <= max(asked.calibration, IMAGES[0])],
            key="steps_tried_images",
            persist_state="session",
            help="The loss is measured again after every change. More of them answer more slowly, and show smaller changes.",
        )
        steps_form.terms(study)
    with picture:
        held = steps_tensor.trial(asked, images)
    if held is not None:
        _desk(study, asked, held, above, picture)


def _desk(study: Study, asked: Asked, held: Trial, above: DeltaGenerator, picture: DeltaGenerator) -> None:
    stages = _stages(study, asked, held)
    with above:
        site = steps_tensor.pick(held.sites)
        moving = st.container()
        start = st.segmented_control(
            "Start from",
            list(stages),
            format_func=_STARTS.__getitem__,
            default=list(stages)[-1],
            required=True,
            key=f"steps_start_{len(stages)}",
            persist_state="session",
            help=None if len(stages) > 1 else "Steps of the other phases appear here once they are computed.",
        )
        steps_tensor.log_toggle()
    base = stages[start]
    # A slider of its own for every tensor and start, so that none has to be moved from here.
    tag = _tag(asked, start, held.images)
    keys = {each.name: f"steps_ratio_{tag}_{each.name}" for each in held.sites}
    moving.slider(
        "Step Δ, relative to its start",
        LEAST,
        MOST,
        1.0,
        0.02,
        format="%.2f ×",
        key=keys[site.name],
        persist_state="session",
    )
    ratios = {name: float(st.session_state.get(key, 1.0)) for name, key in keys.items()}
    steps = {name: ratio * base[name] for name, ratio in ratios.items()}
    began = _measured(asked, start, base, held)
    now = held.measure(steps)
    moved = steps != base
    with picture:
        with st.container(horizontal=True, gap="large", key="steps_numbers"):
            _answer(study, began, now, moved=moved)
        view = steps_tensor.show(
            asked, held, site, steps[site.name], key="steps_hand_histogram", height=HEIGHT
        )
        known = _tries(asked, start, site, base, ratios, began, held, tag)
        known[steps[site.name]] = (now.loss, now.above(began)[1])
        _trace(study, site, known, steps[site.name], revision=f"{tag} {site.name} {_others(site, ratios)}")
        st.caption(
            f"{_unseen(study, began, now) if moved else ''}{steps_tensor.words(site, view, steps[site.name])} Under it: the "
            "loss at a few steps and at each step you try, with all other steps unchanged; error bars are of the difference "
            "from the start."
        )
        steps_tensor.strip(held.sites, stages, site.name)
        _keep(study, asked, held, steps, ratios)


def _answer(study: Study, began: Tried, now: Tried, *, moved: bool) -> None:
    images = f"{len(now.losses)} calibration {study.noun.many}"
    change = now.above(began)
    seen = moved and told_apart(change)
    st.metric(
        "Loss",
        f"{now.loss:.4f} ± {now.loss_stderr:.4f}",
        _delta(f"{change.value:+.4f} ± {change.stderr:.4f}", seen) if moved else "at the start",
        delta_color="inverse" if seen else "off",
        delta_arrow="auto" if seen else "off",
        help=f"Measured on {images}, for a quick answer. Below: the change from the start, with its standard error paired "
        f"over the {study.noun.many}. It is grey where it is less than two standard errors.",
        width="content",
    )
    better = now.better(began)
    if now.accuracy is not None and better is not None:
        sure = moved and told_apart(better)
        points = f"{better.value * 100:+.2f} ± {better.stderr * 100:.2f} points"
        st.metric(
            study.metric.title,
            look.percent_text(now.accuracy, now.accuracy_stderr),
            (_delta(points, sure) if better.stderr else "the same") if moved else "at the start",
            delta_color="normal" if sure else "off",
            delta_arrow="auto" if sure else "off",
            help=f"Measured on the same {images}; the change is paired, too.",
            width="content",
        )


def _unseen(study: Study, began: Tried, now: Tried) -> str:
    """A sentence where the loss shows no difference."""
    change = now.above(began)
    if told_apart(change):
        return ""
    return (
        f"**No difference can be seen with {len(now.losses)} {study.noun.many}**: a change of the loss has to be above "
        f"{NOISE * change.stderr:.2g}. Use more {study.noun.many}, or a tensor of 2 or 3 bits. "
    )


def told_apart(change: Estimate) -> bool:
    """Whether a change is more than noise."""
    return not within_noise(change.value, change.stderr)


def _delta(text: str, seen: bool) -> str:
    return text if seen else f"{text} (within noise)"


def _tries(
    asked: Asked,
    start: str,
    site: Site,
    base: Mapping[str, float],
    ratios: Mapping[str, float],
    began: Tried,
    held: Trial,
    tag: str,
) -> dict[float, tuple[float, float]]:
    """Step to loss and its error, of what was tried with all other steps as they are; to be added to."""
    others = tuple(_others(site, ratios).items())
    tried: dict[Any, dict[float, tuple[float, float]]] = st.session_state.setdefault(_TRIED, {})
    if (tag, site.name, others) not in tried:
        around = (
            {}
            if others
            else _around(session.study().fingerprint, asked, held.images, start, site.name, dict(base), held)
        )
        compared = {step: (each.loss, each.above(began)[1]) for step, each in around.items()}
        tried[tag, site.name, others] = compared
    return tried[tag, site.name, others]


def _others(site: Site, ratios: Mapping[str, float]) -> dict[str, float]:
    """Ratios of the other tensors whose step was changed."""
    return {name: ratio for name, ratio in ratios.items() if name != site.name and ratio != 1.0}


def _trace(
    study: Study, site: Site, known: Mapping[float, tuple[float, float]], step: float, *, revision: str
) -> None:
    """The losses that were measured, over the step."""
    points = sorted(known.items())
    view = step_curves.View(
        curves=(
            step_curves.Curve(
                "tried",
                tuple(at for at, _ in points),
                tuple(loss for _, (loss, _) in points),
                tuple(error for _, (_, error) in points),
                colour=look.WEIGHTS,
            ),
        ),
        spots=(step_curves.Spot("now", step, known[step][0]),),
        x_title="step Δ",
        y_title=f"loss ({steps_form.unit(study)})",
    )
    live_chart.draw(
        step_curves.figure(view, height=HEIGHT, revision=revision),
        key="steps_hand_trace",
        name=f"step-by-hand-{site.name}",
        alt=f"Loss against the step of {site.name}, at the steps tried",
        table=lambda: pd.DataFrame(
            [{"step": at, "loss": loss, "stderr": error} for at, (loss, error) in points]
        ),
    )


def _keep(
    study: Study, asked: Asked, held: Trial, steps: Mapping[str, float], ratios: Mapping[str, float]
) -> None:
    moved = [name for name, ratio in ratios.items() if ratio != 1.0]
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            disabled=not moved,
            on_click=sentences.callback(_begin_again),
        )
        steps_hand.button(
            lambda blocks: plan_of(
                held.sites,
                steps,
                study,
                blocks,
                asked.bias_correction,
                name=f"LAPQ {asked.name} manual",
                widths=held.widths,
            ),
            form=asked.form,
            key="steps_hand_take",
        )
        st.caption(f"Changed: {plain(', '.join(moved))}." if moved else "No step is changed yet.")


def _begin_again() -> None:
    """Other sliders, all where they begin."""
    st.session_state[_AGAIN] = st.session_state.get(_AGAIN, 0) + 1


def _stages(study: Study, asked: Asked, held: Trial) -> Mapping[str, Mapping[str, float]]:
    """Steps to start from: of the search that ended lowest, else of least squared error."""
    result = step_answers.best_search(caches.store(), study, asked.search)
    if result is None:
        return {"layerwise": steps_tensor.least_error_steps(asked, held, 2.0)}
    return {name: stage.steps for name, stage in result.stages.items()}


def _measured(asked: Asked, start: str, base: Mapping[str, float], held: Trial) -> Tried:
    return _kept(session.study().fingerprint, asked, held.images, start, dict(base), held)


@st.cache_data(show_spinner=False, max_entries=16)
def _kept(
    fingerprint: str, asked: Asked, images: int, start: str, base: dict[str, float], _held: Trial
) -> Tried:
    return _held.measure(base)


@st.cache_data(show_spinner="Measuring the loss at a few steps of this tensor …", max_entries=64)
def _around(
    fingerprint: str, asked: Asked, images: int, start: str, name: str, base: dict[str, float], _held: Trial
) -> dict[float, Tried]:
    """A few steps of one tensor, so that there is a valley to begin with."""
    return {ratio * base[name]: _held.measure({**base, name: ratio * base[name]}) for ratio in AROUND}


def _tag(asked: Asked, start: str, images: int) -> str:
    question = (session.reference(), asked, images, start, st.session_state.get(_AGAIN, 0))
    return hashlib.sha256(repr(question).encode()).hexdigest()[:8]

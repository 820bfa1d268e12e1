"""Features of a training's network beside those of FP32 and of the plan without training (FPQ, Figures 1, 3 and 4)."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import streamlit as st
import torch
from torch import nn

from explorer.errors import ExplorerError
from explorer.figures.training import features as figures
from explorer.jobs.kinds.finetune import TRAINED
from explorer.jobs.telling.trained import trained_plan
from explorer.qat import rebuilding
from explorer.qat.distillation.features import Features, features
from explorer.qat.held_out import UNTRAINED
from explorer.runs import Run
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from explorer.ui.parts import export
from explorer.ui.shell import caches
from explorer.ui.shell.plain import plain
from explorer.ui.training import trainings

IMAGES = 64
VARIANCES, CHANNELS, VALUES = "Variance of every layer", "Channels of a layer", "Values of a layer"
_FP32, _WITHOUT = "FP32", "without training"


def show(study: Study, run: Run, others: Sequence[Run]) -> None:
    """Draw one of the three figures.

    Args:
        others: trainings beside it, whose networks are drawn too.
    """
    try:
        with st.spinner("Running the networks …"):
            found = _found(study, run, others)
    except ExplorerError as error:
        st.warning(plain(str(error)))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.selectbox("Figure", (VARIANCES, CHANNELS, VALUES), key=f"features_what_{run.id}", width=280)
        layers = list(found[_FP32])
        layer = (
            layers[0]
            if what == VARIANCES
            else st.selectbox("Layer", layers, key=f"features_layer_{run.id}", width=280)
        )
    if what == VARIANCES:
        made = figures.of_variances(figures.variances(found))
        alt = "Variance of the outputs of every layer, a line a network"
    elif what == CHANNELS:
        made = figures.of_channels(found, layer)
        alt = f"Mean and range of every channel of {layer}, a panel a network"
    else:
        made = figures.of_values(found, layer)
        alt = f"Distribution of the outputs of {layer}, as they are and standardized"
    export.chart(
        made,
        key=f"features_{run.id}",
        name=f"training-{run.id[:5]}-features",
        alt=alt,
        table=lambda: figures.table(found),
    )
    st.caption(
        f"Outputs of convolutions (of linear layers where there are none) on {_images(study)} test {study.noun.many}. "
        "The trained network is the one that was kept."
    )


def _found(study: Study, run: Run, others: Sequence[Run]) -> dict[str, Features]:
    inputs = study.data.inputs("test", torch.arange(_images(study)))
    made: dict[str, Features] = {}

    def add(name: str, key: str, network: Callable[[], nn.Module]) -> None:
        like = made.get(_FP32)
        made[name] = _of(key, lambda: features(network(), inputs, like=like))

    add(_FP32, study.fingerprint, study.model)
    own = trained_plan(study, run)
    add(
        _WITHOUT,
        f"{study.fingerprint} {own.plan.to_json()}",
        lambda: rebuilding.begun(
            study,
            own.plan.layer_bits(own.blocks),
            own.question,
            UNTRAINED,
            calibration_batches(study),
            own.plan.steps,
        ),
    )
    for each in (run, *others):
        if TRAINED in each.artifacts:
            name = "after training" if not others else trainings.label(each)
            name = f"{name} ({each.id[:5]})" if name in made else name
            add(name, f"{study.fingerprint} {each.artifacts[TRAINED]}", partial(_trained, study, each))
    return made


def _trained(study: Study, run: Run) -> nn.Module:
    state: Mapping[str, torch.Tensor] = caches.store().artifacts.get_tensors(run.artifacts[TRAINED])
    return trained_plan(study, run).network(state)


def _images(study: Study) -> int:
    return min(IMAGES, study.data.size("test"))


@st.cache_data(show_spinner=False, max_entries=32)
def _of(key: str, _make: Callable[[], Features]) -> Features:
    return _make()

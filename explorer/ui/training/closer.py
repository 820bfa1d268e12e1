"""A training looked at more closely: what every layer did, its weights on their grid, the Hessian trace, the file.

Only what is chosen is drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st
from safetensors.torch import save
from torch import nn

from explorer import places
from explorer.errors import ExplorerError
from explorer.figures import training
from explorer.figures.training import layers, levels, trace
from explorer.figures.training.levels import LevelsView
from explorer.jobs.kinds.finetune import TRAINED
from explorer.jobs.telling import titles as run_titles
from explorer.plans import read_plan
from explorer.qat.rebuilding import begun
from explorer.qat.record import TrainingRecord
from explorer.quantizers.grid import FLOAT_BITS
from explorer.quantizers.stored import STORED, StoredWeight
from explorer.questions import FinetuneQuestion
from explorer.runs import Run
from explorer.studies import Study, derived
from explorer.ui.parts import export, tables
from explorer.ui.shell import caches, session
from explorer.ui.shell.plain import plain
from explorer.ui.training import features, trainings

LAYERS, WEIGHTS, TRACE, METHOD = "Layers", "Weights on their grid", "Hessian trace", "Method"
FEATURES = "Features"
_SERIES: Mapping[str, str] = {LAYERS: "layers", TRACE: "trace", METHOD: "method"}

Points = Sequence[Mapping[str, Any]]


def show(study: Study, run: Run, others: Sequence[Run] = ()) -> None:
    """Draw the choice and what was chosen.

    Args:
        others: trainings that are shown beside it.
    """
    told = {look: caches.store().points(run.id, series) for look, series in _SERIES.items()}
    looks: dict[str, Callable[[], None]] = {}
    if told[LAYERS]:
        looks[LAYERS] = lambda: _layers(run, told[LAYERS])
    if run.status == "done" and TRAINED in run.artifacts:
        looks[WEIGHTS] = lambda: _weights(study, run)
    if told[TRACE]:
        looks[TRACE] = lambda: _trace(run, told[TRACE])
    if run.status == "done" and TRAINED in run.artifacts:
        looks[FEATURES] = lambda: features.show(study, run, others)
    if told[METHOD]:
        looks[METHOD] = lambda: _method(run, told[METHOD])
    if not looks:
        return
    look = st.segmented_control("More of this training", list(looks), key=f"training_look_{run.id}")
    if look is not None:
        looks[look]()
    if WEIGHTS in looks:
        with st.container(horizontal=True):
            _download(run)
            _explore(study, run)


def _layers(run: Run, points: Points) -> None:
    quantity = st.selectbox(
        "Quantity", layers.quantities(points), key=f"training_quantity_{run.id}", width=320
    )
    found = layers.view(points, quantity)
    how = "as multiples of where it started" if found.relative else "in percent"
    export.chart(
        layers.figure(found),
        key=f"layers_{run.id}",
        name=f"training-{run.id[:5]}-layers",
        alt=f"{quantity} of every layer over the epochs, {how}",
        table=lambda: tables.of_layers(points),
    )


def _weights(study: Study, run: Run) -> None:
    content = {**trainings.content(run), "study": study.name}
    plan, blocks = read_plan(content, study=study, partitions=(study.blocks(), study.blocks("module")))
    bits = {layer: w_bits for layer, (w_bits, _) in plan.layer_bits(blocks).items() if w_bits != FLOAT_BITS}
    layer = st.selectbox("Layer", list(bits), key=f"training_layer_{run.id}", width=320)
    if layer is None:
        st.caption("Every layer of this plan is in FP32.")
        return
    question = run_titles.question_of(run.spec)
    if not isinstance(question, FinetuneQuestion):
        st.caption(
            "This training was asked for by another version, which had options that are not known here."
        )
        return
    kept = TrainingRecord.from_json(run.result or {}).kept
    bits_alone = {layer: (bits[layer], FLOAT_BITS)}
    try:
        found = _levels(
            run.artifacts[TRAINED],
            layer,
            lambda: begun(study, bits_alone, question, kept, [], plan.steps),
        )
    except ExplorerError as error:
        st.warning(plain(str(error)))
        return
    if found is None:
        st.caption(f"A grid of {bits[layer]} bits has too many levels to be drawn one by one.")
        return
    st.caption(
        f"{found.moved:.1%} of the weights of this layer stand on another level than without training."
    )
    export.chart(
        levels.figure(found),
        key=f"levels_{run.id}",
        name=f"training-{run.id[:5]}-levels",
        alt=f"How many weights of {layer} stand on each level, without training and after it",
    )


@st.cache_data(show_spinner=False, max_entries=64)
def _levels(trained: str, layer: str, _began: Callable[[], nn.Module]) -> LevelsView | None:
    """Levels of a layer's weight where the training began and ended; ``trained`` names what it kept."""
    stored = _began().get_submodule(layer).get_submodule(STORED)
    assert isinstance(stored, StoredWeight)
    ended = caches.store().artifacts.get_tensors(trained)[f"{layer}.{STORED}.integers"]
    return levels.view(stored.grid.levels, stored.integers.numpy(), ended.numpy())


def _trace(run: Run, points: Points) -> None:
    export.chart(
        trace.figure([trace.Trajectory(trainings.label(run), points)]),
        key=f"trace_{run.id}",
        name=f"training-{run.id[:5]}-trace",
        alt="Hessian trace of all weights without training and after each epoch, with its standard error",
        table=lambda: tables.of_curves({"trace": points}),
    )


def _method(run: Run, points: Points) -> None:
    export.chart(
        training.of_method(points, epochs=trainings.epochs(run)),
        key=f"method_{run.id}",
        name=f"training-{run.id[:5]}-method",
        alt="What the method tells of itself over the epochs",
        table=lambda: tables.of_curves({"method": points}),
    )


def _download(run: Run) -> None:
    st.download_button(
        "Trained weights",
        lambda: _file(run.artifacts),
        export.file_name(f"training-{run.id[:5]}") + ".safetensors",
        "application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        key=f"weights_{run.id}",
        help="The tensors of the trained network by name, the values on their grids, and beside each weight the whole "
        "numbers it is stored as with their step.",
    )


def _explore(study: Study, run: Run) -> None:
    pressed = st.button(
        "Explore this network",
        icon=":material/explore:",
        key=f"explore_{run.id}",
        help="Makes a study of it: its Hessian, its frontier, its step sizes. The weights are those on their grids, "
        "activations are in FP32.",
    )
    if not pressed:
        return
    path = places.home() / derived.FOLDER / derived.name_of(study, run.id) / derived.TOML
    try:
        if not path.exists():
            state = caches.store().artifacts.get_tensors(run.artifacts[TRAINED])
            derived.of_training(study, state, path.parent, run=run.id, said=run_titles.of(run))
    except ExplorerError as error:
        st.warning(plain(str(error)))
        return
    session.choose_study(str(path))
    st.switch_page("pages/model.py")


def _file(artifacts: Mapping[str, str]) -> bytes:
    return save(caches.store().artifacts.get_tensors(artifacts[TRAINED]))

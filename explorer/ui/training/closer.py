"""A training looked at more closely: what every layer did, its weights on their grid, the Hessian trace, the file.

Only what is chosen is read and drawn.
"""

from collections.abc import Callable, Mapping

import streamlit as st
from safetensors.torch import save

from explorer import places
from explorer.errors import ExplorerError
from explorer.figures import training
from explorer.figures.training import layers, levels, trace
from explorer.jobs.kinds.finetune import TRAINED
from explorer.jobs.telling import titles
from explorer.plans import read_plan
from explorer.quantizers import simulate
from explorer.quantizers.grid import FLOAT_BITS
from explorer.quantizers.stored import STORED, StoredWeight
from explorer.runs import Run
from explorer.studies import Study, derived
from explorer.ui.parts import export, tables
from explorer.ui.shell import caches, session
from explorer.ui.shell.plain import plain
from explorer.ui.training import trainings

LAYERS, WEIGHTS, TRACE, METHOD = "Layers", "Weights on their grid", "Hessian trace", "Method"


def show(study: Study, run: Run) -> None:
    """Draw the choice and what was chosen."""
    looks: dict[str, Callable[[Study, Run], None]] = {}
    if caches.store().points(run.id, "layers"):
        looks[LAYERS] = _layers
    if run.status == "done" and TRAINED in run.artifacts:
        looks[WEIGHTS] = _weights
    if caches.store().points(run.id, "trace"):
        looks[TRACE] = _trace
    if caches.store().points(run.id, "method"):
        looks[METHOD] = _method
    if not looks:
        return
    look = st.segmented_control("More of this training", list(looks), key=f"training_look_{run.id}")
    if look is not None:
        looks[look](study, run)
    if WEIGHTS in looks:
        with st.container(horizontal=True):
            _download(run)
            _explore(study, run)


def _layers(_: Study, run: Run) -> None:
    points = caches.store().points(run.id, "layers")
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
    try:
        kept = caches.store().artifacts.get_tensors(run.artifacts[TRAINED])
    except ExplorerError as error:
        st.warning(plain(str(error)))
        return
    suffix = f".{STORED}.integers"
    names = [name.removesuffix(suffix) for name in kept if name.endswith(suffix)]
    layer = st.selectbox("Layer", names, key=f"training_layer_{run.id}", width=320)
    if layer is None:
        st.caption("Every layer of this plan is in FP32.")
        return
    began = _untrained(study, run, layer)
    grid = began.record().affine.grid
    found = levels.view(
        grid.levels,
        began.integers.flatten().tolist(),
        kept[layer + suffix].flatten().tolist(),
    )
    if found is None:
        st.caption(f"A grid of {grid.bits} bits has too many levels to be drawn one by one.")
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


def _untrained(study: Study, run: Run, layer: str) -> StoredWeight:
    """The weight of a layer on its grid without training."""
    content = {**trainings.content(run), "study": study.name}
    plan, blocks = read_plan(content, study=study, partitions=(study.blocks(), study.blocks("module")))
    bits = {layer: (plan.layer_bits(blocks)[layer][0], FLOAT_BITS)}
    made = simulate(study.model(), bits, [], steps=plan.steps).get_submodule(layer).get_submodule(STORED)
    assert isinstance(made, StoredWeight)
    return made


def _trace(_: Study, run: Run) -> None:
    points = caches.store().points(run.id, "trace")
    export.chart(
        trace.figure([trace.Trajectory(trainings.label(run), points)]),
        key=f"trace_{run.id}",
        name=f"training-{run.id[:5]}-trace",
        alt="Hessian trace of all weights without training and after each epoch, with its standard error",
        table=lambda: tables.of_curves({"trace": points}),
    )


def _method(_: Study, run: Run) -> None:
    points = caches.store().points(run.id, "method")
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
            derived.of_training(study, state, path.parent, run=run.id, said=titles.of(run))
    except ExplorerError as error:
        st.warning(plain(str(error)))
        return
    session.choose_study(str(path))
    st.switch_page("pages/model.py")


def _file(artifacts: Mapping[str, str]) -> bytes:
    return save(caches.store().artifacts.get_tensors(artifacts[TRAINED]))

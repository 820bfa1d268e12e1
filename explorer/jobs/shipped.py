"""Results that come with the built-in studies, so that every page of a new store opens with a picture.

They are runs like any other, computed by `compute` on the shipped networks and kept as a bundle beside them. A store
gets them when an app opens it; the command line computes what it is asked. Each says that it was shipped and when it
was computed; who wants numbers of their own machine deletes it and asks again. What a change of a network or of an
algorithm makes out of date answers nothing any more, for its fingerprint or its version is another.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.jobs import answers
from explorer.jobs.executing import execute
from explorer.jobs.requests import spec_of
from explorer.jobs.telling.finding import SHIPPED
from explorer.questions import (
    DamageQuestion,
    EigenvaluesQuestion,
    EvaluateQuestion,
    FinetuneQuestion,
    LandscapeQuestion,
    LapqQuestion,
    Question,
    TracesQuestion,
)
from explorer.questions.telling.titles import title
from explorer.runs.keeping import packed
from explorer.runs.run import Run
from explorer.runs.store import Store
from explorer.studies.shipped import builtin

if TYPE_CHECKING:
    from explorer.curvature import Traces
    from explorer.plans import Plan
    from explorer.studies import Study

VARIABLE = "EXPLORER_SHIPPED"
DETECTOR = "detector-fashion"
FEW = ("tiny-language-model", "ncf-synthetic", DETECTOR)  # with what the first pages ask and no more
STUDIES = ("fashion-resnet20", "fashion-mobilenet", "fashion-thin", *FEW)
LARGE = ("vectors",)  # eigenvectors are four times the network, and no page shows them
DRAWS = ("draws",)  # of traces, a number a sample; without them a block's page has no histogram of its draws
RATIO = 10.0  # of the trained plan: FP32 size over its size
_REMARK = SHIPPED + ", which computed it on {day}."


def bundle(name: str) -> Path:
    """The file of the results of a built-in study, see `explorer.runs.keeping.packed`."""
    return builtin.ASSETS / name / "results.zip"


def give(store: Store) -> tuple[str, ...]:
    """Give a store those shipped results that it does not have; the ids of the new runs.

    None where EXPLORER_SHIPPED is ``no``, for who wants to begin with nothing.

    Raises:
        RunError: the installation is damaged.
    """
    if os.environ.get(VARIABLE) == "no":
        return ()
    given: list[str] = []
    for name in STUDIES:
        if bundle(name).is_file():
            given += store.bundles.adopt(bundle(name), _REMARK)
    return tuple(given)


def compute(
    store: Store, study: "Study", out: Path, on_progress: Callable[[Run], None] | None = None
) -> tuple[Run, ...]:
    """Compute what is shipped with a study, in this process, and write the bundle's file ``out``."""
    found = tuple(
        execute(store, spec_of(study, question), on_progress, title(question, study.name), study=study)
        for question in questions(store, study)
    )
    with tempfile.TemporaryDirectory() as folder:
        without = (*LARGE, *DRAWS) if study.name in FEW else LARGE
        store.bundles.write([run.id for run in found], Path(folder), without=without)
        packed.pack(Path(folder), out)
    return found


def questions(store: Store, study: "Study") -> Iterator[Question]:
    """What the pages ask when they are opened, the first first.

    What a later question needs of an earlier one's result is looked up in the store.
    """
    yield EvaluateQuestion()
    if study.name == DETECTOR:
        # To 10 %, as docs/detector.md has them: Hessian-vector products of 5 % take an hour.
        for of in ("weights", "activations"):
            yield TracesQuestion(of=of, samples=2000, rel_se=0.1)
        return
    yield TracesQuestion()
    yield DamageQuestion()
    if (
        study.name == builtin.DEFAULT
    ):  # what fewer people ask of the others would be megabytes of single draws
        yield TracesQuestion(granularity="module")
        yield TracesQuestion(of="activations")
    yield LapqQuestion(method="gradient")
    if study.name in FEW:
        return
    traces = answers.result_of(store, study, TracesQuestion())
    yield FinetuneQuestion(plan=_plan(study, traces).to_json())
    yield from _landscapes(study, traces)
    yield EigenvaluesQuestion()


def _landscapes(study: "Study", traces: "Traces") -> Iterator[Question]:
    """Lines and planes of the most and the least sensitive block on one scale, as the page asks first."""
    from explorer.landscape import REFERENCE_BITS, perturbation_norm, shared_radii

    ranked = sorted(traces.blocks, key=lambda block: block.mean_trace)
    ends = (ranked[-1].name, ranked[0].name)
    norms = {name: [perturbation_norm(study, name, REFERENCE_BITS)] for name in ends}
    radii = shared_radii(norms, quantization=False)
    for dims, points in ((1, 33), (2, 17)):
        for name, radius in radii.items():
            yield LandscapeQuestion(block=name, radius=radius, directions="eigen", dims=dims, points=points)


def _plan(study: "Study", traces: "Traces") -> "Plan":
    """The plan of a tenth of the network's size on the frontier of the traces, HAWQ-V2's."""
    from explorer.plans import Budget, frontier

    point = frontier(study, traces).best_under(Budget("ratio", RATIO))
    return point.plan(study, study.blocks())

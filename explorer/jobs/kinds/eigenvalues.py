"""The run kind ``eigenvalues``: the top eigenpairs of every block's Hessian, and of the whole network's.

Options: those of `EigenvaluesQuestion`. The first eigenvalue of
each is tried on rows that were not drawn. Series ``found``: one point a block, its record as in the result. Keeps
the first two eigenvectors of each as the artifact ``vectors``, tensors named ``block/rank/parameter`` with rank 0
for the first and "whole network" for the block of that.

Every block's search starts from a seed of its own, so a run that goes on after the blocks it has reaches the
figures that it would have reached at once.
"""

from typing import Any

from torch import Tensor

from explorer.curvature import WHOLE, Eigenpairs, every_eigenpairs
from explorer.jobs.timing import TimeLeft
from explorer.questions import EigenvaluesQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

VECTORS = "vectors"
KEPT = 2  # eigenvectors of each block


def run(study: Study, question: EigenvaluesQuestion, context: RunContext) -> dict[str, Any]:
    """Search block by block."""
    saved = context.restore()
    found: list[dict[str, Any]] = [] if saved is None else list(saved.state["found"])
    tensors: dict[str, Tensor] = {} if saved is None else dict(saved.tensors)
    left = TimeLeft()

    def progress(fraction: float, message: str) -> None:
        context.report(fraction, f"{message}{left(fraction)}")

    def should_stop() -> bool:
        context.check_stop()  # raises out of the search, however long a product takes
        return False

    for pairs in every_eigenpairs(
        study,
        skip=[record["block"] for record in found],
        held_out=1,
        progress=progress,
        should_stop=should_stop,
        **question.options(),
    ):
        found.append(pairs.to_json())
        tensors |= vectors_of(pairs)
        context.point("found", found[-1])
        context.save(tensors, {"found": found})
    context.keep(VECTORS, tensors)
    return {
        "study": study.name,
        "eigenvalues": found,
        "seconds": sum(record["seconds"] for record in found),
    }


def vectors_of(pairs: Eigenpairs) -> dict[str, Tensor]:
    """The first eigenvectors under the names they are kept by."""
    return {
        f"{pairs.block or WHOLE}/{rank}/{name}": tensor
        for rank, vector in enumerate(pairs.vectors[:KEPT])
        for name, tensor in vector.items()
    }

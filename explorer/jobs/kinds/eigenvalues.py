"""The run kind ``eigenvalues``: the top eigenpairs of every block's Hessian, and of the whole network's.

Options: those of `EigenvaluesQuestion`. The first eigenvalue of each is tried on rows that were not drawn. Series
``found``: one point a block, its record as in the result. Keeps the first two eigenvectors of each as the artifact
``vectors``, tensors named as in `Eigenvalues.tensors`.
"""

from explorer import curvature
from explorer.curvature import Eigenvalues
from explorer.questions import EigenvaluesQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed

VECTORS = "vectors"


def run(study: Study, question: EigenvaluesQuestion, context: RunContext) -> Eigenvalues:
    """Search block by block."""
    found = curvature.eigenvalues(study, question, held_out=1, watcher=Timed(context))
    context.keep(VECTORS, found.tensors())
    return found

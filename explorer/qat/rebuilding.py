"""A trained network again, from the tensors that its training kept, and what it began with.

Which grids its quantizers have is decided when a training is prepared, by the method and the calibration images; the
same preparation, frozen, is what the tensors fit into.
"""

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor, nn

from explorer.blocks import Block
from explorer.errors import RunError
from explorer.plans import Plan
from explorer.qat.held_out import UNTRAINED
from explorer.qat.methods import METHODS
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.simulated import freeze, simulate
from explorer.questions import FinetuneQuestion
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches


def rebuilt(
    study: Study,
    plan: Plan,
    blocks: Sequence[Block],
    question: FinetuneQuestion,
    kept: str,
    state: Mapping[str, Tensor],
) -> nn.Module:
    """The network that a training ended with, in its post-training form.

    Args:
        blocks: the partition the plan names.
        question: what was asked of the training.
        kept: which candidate it kept, as its record says.
        state: tensors of that.

    Raises:
        RunError: the tensors are those of another network, or of another version of the method.
    """
    network = begun(study, plan.layer_bits(blocks), question, kept, calibration_batches(study), plan.steps)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise RunError(
            "the weights of this training do not fit the network it is prepared as now, since the method or the "
            "network has changed; train the plan again"
        ) from error
    return network


def begun(
    study: Study,
    bits: Mapping[str, tuple[int, int]],
    question: FinetuneQuestion,
    kept: str,
    calibration: Iterable[Tensor],
    steps: GivenSteps | None,
) -> nn.Module:
    """What a kept candidate began with, in its post-training form: its grids, before any step.

    Args:
        bits: of the weight and of the input of each layer that is quantized; the plan's, or some of them.
        calibration: batches of inputs; not read where no input is quantized.
        steps: that the plan carries.

    Raises:
        RunError: the method is not available any more.
    """
    if kept == UNTRAINED:
        return simulate(study.model(), bits, calibration, steps=steps)
    kind = METHODS.get(question.method)
    if kind is None:
        raise RunError(
            f"the training method {question.method!r} is not available any more; use {' or '.join(METHODS)}"
        )
    method = kind(kind.Options(**question.method_options))
    return freeze(method.prepare(study.model(), bits, calibration, steps))

"""What a training kept can be made a network again, whichever the method: an export stands on it."""

import pytest
import torch

from explorer import qat
from explorer.blocks import Block
from explorer.errors import RunError
from explorer.plans import Plan
from explorer.qat.held_out import UNTRAINED
from explorer.qat.rebuilding import begun, rebuilt
from explorer.quantizers import simulate
from explorer.quantizers.stored import STORED, StoredWeight
from explorer.questions import FinetuneQuestion
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches


@pytest.mark.parametrize("method", qat.METHODS)
def test_the_tensors_of_a_training_are_its_network(
    study: Study, blocks: tuple[Block, ...], method: str
) -> None:
    plan = Plan.uniform(study, blocks, 1 if method == "binaryconnect" else 3, 4)
    question = FinetuneQuestion(
        plan=plan.to_json(), method=method, epochs=1, keep="last", channels=0, logits=0
    )
    found = qat.finetune(study, plan, blocks, question)
    again = rebuilt(study, plan, blocks, question, found.kept, found.network.state_dict())
    inputs = study.data.inputs("test", slice(None))
    with torch.no_grad():
        assert torch.equal(again(inputs), found.network(inputs))
    for layer, (w_bits, _) in plan.layer_bits(blocks).items():
        alone = begun(study, {layer: (w_bits, 32)}, question, found.kept, [], plan.steps)
        began, ended = (of.get_submodule(layer).get_submodule(STORED) for of in (alone, found.network))
        assert isinstance(began, StoredWeight)
        assert isinstance(ended, StoredWeight)
        assert began.grid == ended.grid, "levels before and after can be compared"
        assert set(ended.integers.unique().tolist()) <= set(began.grid.levels)


def test_the_untrained_plan_that_was_kept_is_one_too_and_other_tensors_are_a_sentence(
    study: Study, blocks: tuple[Block, ...]
) -> None:
    plan = Plan.uniform(study, blocks, 3, 4)
    question = FinetuneQuestion(plan=plan.to_json(), epochs=1, keep="last")
    untrained = simulate(study.model(), plan.layer_bits(blocks), calibration_batches(study))
    again = rebuilt(study, plan, blocks, question, UNTRAINED, untrained.state_dict())
    inputs = study.data.inputs("test", slice(None))
    with torch.no_grad():
        assert torch.equal(again(inputs), untrained(inputs))
    with pytest.raises(RunError, match="train the plan again"):
        rebuilt(study, plan, blocks, question, "last", study.model().state_dict())

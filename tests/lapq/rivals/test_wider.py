"""OCS and DUAL as rivals: the network is the one that stores these weights, and what it stores is said."""

import math

import pytest
import torch

from explorer.lapq import Objective
from explorer.lapq.rivals.comparison import compare
from explorer.lapq.rivals.wider import DUAL_SHARE, OCS_RATIO, WIDER, widened
from explorer.quantizers import QuantizerSettings
from explorer.quantizers.bias_correction import corrected
from explorer.quantizers.dual import dual
from explorer.quantizers.splitting import ocs
from explorer.quantizers.weights import quantize_weight
from explorer.studies import Study

TENSOR = QuantizerSettings("symmetric", "tensor", "mse")
ASKED = {"w_bits": 2, "a_bits": 3, "calibration": 32}


def errors(objective: Objective, method: str) -> dict[str, float]:
    """Squared error of every weight."""
    model = widened(objective, method).network.model
    found = {}
    for i, site in enumerate(objective.sites):
        if site.kind == "weight":
            value = model.get_parameter(f"{site.layer}.weight")
            found[site.layer] = float((value - objective.network.original(i)).square().sum())
    return found


def test_channels_of_every_weight_that_has_some_are_split(study: Study) -> None:
    objective = Objective(study, **ASKED, bias_correction="mean")  # type: ignore[arg-type]
    found = widened(objective, "ocs")
    extra, weights = 0, 0
    for i, site in enumerate(objective.sites):
        if site.kind == "weight":
            original = objective.network.original(i)
            value = quantize_weight(original, 2, TENSOR)
            if original.shape[1] > 1:  # a depthwise convolution has no input channels to split
                split = ocs(original, 2, ratio=OCS_RATIO, settings=TENSOR)
                assert split.extra == math.ceil(OCS_RATIO * original.shape[1]) * original[:, 0].numel()
                value, extra = split.value, extra + split.extra
            expected = corrected(value, original, axis=0, kind="mean")
            assert torch.equal(found.network.model.get_parameter(f"{site.layer}.weight"), expected)
            weights += original.numel()
    assert found.extra == pytest.approx(extra / weights)
    assert [site.kind for site in found.network.sites] == ["input"] * (len(objective.sites) // 2)


def test_the_worst_weights_are_sums_of_two(study: Study) -> None:
    objective = Objective(study, **ASKED)  # type: ignore[arg-type]
    originals = {
        site.layer: objective.network.original(i)
        for i, site in enumerate(objective.sites)
        if site.kind == "weight"
    }
    once = {name: float((quantize_weight(w, 2, TENSOR) - w).square().sum()) for name, w in originals.items()}
    found = errors(objective, "dual")
    better = {name for name in once if found[name] < 0.7 * once[name]}
    worst = max(once, key=lambda name: once[name] / originals[name].numel())
    assert len(better) == math.ceil(DUAL_SHARE * len(once))
    assert worst in better
    twice = dual(originals[worst], 2, settings=TENSOR).value
    assert found[worst] == pytest.approx(float((twice - originals[worst]).square().sum()))
    assert all(found[name] == pytest.approx(once[name]) for name in set(once) - better)
    extra = sum(originals[name].numel() for name in better)
    assert widened(objective, "dual").extra == pytest.approx(
        extra / sum(w.numel() for w in originals.values())
    )


@pytest.mark.parametrize("method", WIDER)
def test_inputs_get_their_steps_behind_these_weights_and_the_objective_keeps_its_own(
    study: Study, method: str
) -> None:
    """The row's loss is that of the wider network, which nobody else's steps have moved."""
    objective = Objective(study, **ASKED)  # type: ignore[arg-type]
    before = [part.clone() for part in objective.network.parts if torch.is_tensor(part)]
    network = widened(objective, method).network
    after = [part for part in objective.network.parts if torch.is_tensor(part)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    with torch.no_grad():
        losses = [study.loss.per_sample(network.model(x), y) for x, y in objective.batches]
    row = compare(study, **ASKED, corrections=("none",), test_images=20).row(method)  # type: ignore[arg-type]
    assert row.calibration_loss == pytest.approx(float(torch.cat(losses).double().mean()))
    assert row.steps == {}, "a step says too little of such a weight to make a plan of it"
    assert row.extra_weights > 0

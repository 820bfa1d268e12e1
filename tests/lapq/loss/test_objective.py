"""L(Δ) against a network quantized by other means; replays, look-ups and gradients change no number."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from explorer.errors import LapqError
from explorer.lapq import FORMS, Form, Journal, Objective, layerwise_steps, plan_of
from explorer.lapq.diagnostics.curvature import _second_derivatives
from explorer.lapq.phases.layerwise import best_step, choose_steps
from explorer.quantizers import simulate
from explorer.studies import Study
from tests.lapq.spare import with_spare


def objective(study: Study, **options: Any) -> Objective:
    return Objective(study, **{"calibration": 100, **options})


def start(found: Objective) -> np.ndarray:
    return np.array([site.largest / 2 for site in found.sites], np.float32)


def test_the_first_and_the_last_layer_stay_and_inputs_after_relu_are_unsigned(study: Study) -> None:
    assert objective(study).names == ("3.input", "3.weight", "6.input", "6.weight")
    every = objective(study, leave=()).sites
    assert [site.signed for site in every if site.kind == "input"] == [True, False, False, False]
    assert objective(study, leave=("3",), a_bits=32).names == ("0.weight", "6.weight", "11.weight")


@pytest.mark.parametrize("correction", ["none", "mean", "mean-variance"])
@pytest.mark.parametrize(("w_bits", "a_bits"), [(4, 4), (2, 32), (32, 3)])
def test_the_loss_is_that_of_the_plan_with_these_steps(
    study: Study, w_bits: int, a_bits: int, correction: Any
) -> None:
    """Against `simulate`, which shares no code with the objective but the grid."""
    found = objective(study, w_bits=w_bits, a_bits=a_bits, bias_correction=correction, leave=())
    steps, blocks = start(found), study.blocks()
    plan = plan_of(
        found.sites, dict(zip(found.names, map(float, steps), strict=True)), study, blocks, correction
    )
    network = simulate(study.model(), plan.layer_bits(blocks), [], steps=plan.steps)
    with torch.no_grad():
        outputs = network(study.data.inputs("train", found.rows))
    assert found.loss(steps) == pytest.approx(
        float(study.loss(outputs, study.data.targets("train", found.rows)))
    )


@pytest.mark.parametrize("form", FORMS)
def test_replays_give_the_full_pass_to_the_bit_and_cost_less(study: Study, form: Form) -> None:
    """A walk with many short moves, as Powell's, against a fresh objective for every point."""
    walked = objective(study, leave=(), form=form, w_bits=3, a_bits=3)
    draw, steps = np.random.default_rng(0), start(walked)
    for site in (0, 3, 3, 3, 6, 6, 6, 6, 6, 7, 7, 7, 7, 2, 7, 7, 7):
        steps = steps.copy()
        steps[site] *= np.float32(np.exp(draw.uniform(-0.2, 0.2)))
        fresh = objective(study, leave=(), form=form, w_bits=3, a_bits=3)
        assert walked.loss(steps) == fresh.loss(steps)
    assert walked.evaluations == 17
    assert walked.forward_equivalents - 1 < 0.9 * 17


def test_an_evaluation_asked_twice_is_made_once(study: Study) -> None:
    found = objective(study)
    steps = start(found)
    assert found.loss(steps) == found.loss(steps.astype(float)) == np.mean(found.losses(steps))
    assert found.evaluations == 1
    assert found.loss(-steps) == np.inf
    assert found.evaluations == 1


def test_a_part_is_the_mean_over_its_images(study: Study) -> None:
    found = objective(study)
    steps, some = start(found), np.array([3, 50, 51, 99])
    assert found.loss(steps, found.part(some)) == pytest.approx(found.losses(steps)[some].mean())


@pytest.mark.parametrize("correction", ["none", "mean-variance"])
def test_the_gradient_is_that_of_autograd_through_the_written_out_network(
    study: Study, correction: Any
) -> None:
    """The straight-through network written with torch functions alone: x + (Q(x) - x).detach()."""
    found = objective(study, leave=(), bias_correction=correction)
    steps = start(found)
    slopes = torch.tensor(steps).log().requires_grad_(True)
    layers: dict[str, dict[str, Any]] = {}
    for i, site in enumerate(found.sites):
        layers.setdefault(site.layer, {})[site.kind] = (slopes[i].exp(), site.levels)

    def passed(x: torch.Tensor, step: torch.Tensor, levels: Any) -> torch.Tensor:
        clipped = (x / step).clamp(levels.low, levels.high)
        return (clipped + (clipped.round() - clipped).detach()) * step

    model, x = study.model(), study.data.inputs("train", found.rows)
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            x = passed(x, *layers[name]["input"])
            w = passed(module.weight.detach(), *layers[name]["weight"])
            if correction != "none":
                dims, plain = tuple(range(1, w.ndim)), module.weight.detach()
                scale = plain.std(dims, keepdim=True, correction=0) / w.std(dims, keepdim=True, correction=0)
                w = (w - w.mean(dims, keepdim=True)) * scale + plain.mean(dims, keepdim=True)
            parameters = {"weight": w} if module.bias is None else {"weight": w, "bias": module.bias}
            x = torch.func.functional_call(module, parameters, (x,))
        elif not isinstance(module, nn.Sequential):
            x = module(x)
    study.loss(x, study.data.targets("train", found.rows)).backward()
    loss, slope = found.gradient(steps)
    assert slopes.grad is not None
    np.testing.assert_allclose(slope, slopes.grad, rtol=1e-3, atol=1e-6)
    assert loss == pytest.approx(found.loss(steps))
    assert found.network.model.get_parameter("0.weight").grad is None


def test_a_journal_answers_for_free_and_survives_a_file(study: Study) -> None:
    first = objective(study)
    steps = layerwise_steps(first, 2.0)
    asked = (first.loss(steps), first.gradient(steps)[1].tolist(), first.losses(steps).tolist())
    kept = Journal.from_arrays(first.journal.to_arrays(), first.journal.phases)
    second = objective(study, journal=kept)
    again = layerwise_steps(second, 2.0)
    assert (second.loss(again), second.gradient(again)[1].tolist(), second.losses(again).tolist()) == asked
    assert second.seconds == 0
    assert (second.evaluations, second.forward_equivalents) == (first.evaluations, first.forward_equivalents)


def test_the_study_is_left_alone(study: Study) -> None:
    before = {k: v.clone() for k, v in study.network.state_dict().items()}
    found = objective(study)
    found.gradient(start(found))
    assert all(torch.equal(v, before[k]) for k, v in study.network.state_dict().items())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"w_bits": 1}, "the weights cannot have 1 bits here; give 2 to 8, or 32"),
        ({"a_bits": 9}, "the activations cannot have 9 bits here"),
        ({"calibration": 0}, "calibration is 0; it must be greater than or equal to 1"),
        ({"w_bits": 32, "a_bits": 32}, "there is no step to optimise"),
        ({"leave": ("33",)}, "there is no layer '33' to leave in FP32; the nearest names are '3'"),
    ],
)
def test_what_cannot_be_is_one_sentence(study: Study, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(LapqError, match=sentence):
        objective(study, **options)


def test_a_layer_that_no_image_reaches_is_one_sentence(study: Study) -> None:
    with pytest.raises(LapqError, match="no calibration sample reaches layer 'spare'"):
        objective(with_spare(study))


class _Sometimes(nn.Module):
    """A layer that only the brighter images go through, one after the other."""

    def __init__(self, used: nn.Module) -> None:
        super().__init__()
        self.used, self.some = used, nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        bright = x.mean(dim=(1, 2, 3)) > 0.05
        if bright.any():
            x = torch.cat([x[~bright], self.some(x[bright])])
        found: torch.Tensor = self.used(x)
        return found


def test_a_layer_that_some_batches_do_not_reach_has_no_slope_there(study: Study) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sometimes = replace(study, network=_Sometimes(study.model()).eval())
    found = objective(sometimes, leave=("used.0", "used.11"), calibration=60)
    inputs = [x for x, _ in found.study.data.batches("train", 1, found.rows)]
    dark = np.array([i for i, x in enumerate(inputs) if x.mean() <= 0.05])
    assert 0 < len(dark) < len(inputs)
    site = found.index("some.weight")
    slope = found.gradient(start(found), found.part(dark))[1]
    assert slope[site] == 0 != np.abs(slope).max()
    assert found.gradient(start(found))[1][site] != 0

    network, steps = found.network, start(found)
    batch = torch.cat([inputs[i] for i in dark])
    targets = torch.zeros(len(batch), dtype=torch.int64)
    hessian = _second_derivatives(network, steps, batch, targets, study.loss)
    assert not hessian[site].any()
    assert hessian.any()

    chosen = choose_steps(network, batch, lambda x, site: best_step(x, site, 2.0))
    unseen = found.index("some.input")
    assert chosen[unseen] == np.float32(found.sites[unseen].largest), "the step that clips nothing"

"""The parts of a training by themselves and where they cross: noise, stages, batch norm, schedules, what is kept."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer import qat
from explorer.blocks import Block
from explorer.plans import Plan
from explorer.qat import augmentation, held_out, optimizers
from explorer.qat.batch_norm import re_estimated
from explorer.qat.noise import Noise, noisy
from explorer.qat.stages import stage_starts
from explorer.qat.trace import weight_trace
from explorer.quantizers import Grid
from explorer.quantizers.simulated import prepare_training, simulate
from explorer.quantizers.uniform import Affine
from explorer.questions.presets import PRESETS
from explorer.questions.training import FinetuneQuestion, usual_epochs
from explorer.studies import Study
from tests.qat.recorder import PLAIN, Recorder
from tests.quantizers.networks import everywhere, images, small


def train(study: Study, blocks: tuple[Block, ...], **options: Any) -> qat.FinetuneResult:
    plan = Plan.uniform(study, blocks, 2, 4)
    return qat.finetune(study, plan, blocks, **{"epochs": 1, "batch_size": 64, **options})


def same(a: nn.Module, b: nn.Module) -> bool:
    one, other = a.state_dict(), b.state_dict()
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


def test_noise_is_uniform_over_a_step() -> None:
    """Mean 0, variance s^2 / 12 and the ends at half a step, for both layouts in memory and a step a channel."""
    draw = torch.Generator().manual_seed(0)
    grid = Grid.unsigned(4)
    for x in (
        torch.zeros(50, 8, 25, 25),
        torch.zeros(50, 8, 25, 25).contiguous(memory_format=torch.channels_last),
    ):
        for affine in (
            Affine(torch.tensor(0.5), None, grid),
            Affine(torch.full((8,), 0.5), None, grid, axis=1),
        ):
            delta = noisy(x, affine, draw)
            assert delta.shape == x.shape
            assert abs(delta.mean()) < 4 * 0.5 / (12 * x.numel()) ** 0.5
            assert delta.var().item() == pytest.approx(0.25 / 12, rel=0.01)
            assert 0.2499 < delta.abs().max() <= 0.25


def test_noise_is_there_in_a_step_alone_and_follows_from_seed_and_step() -> None:
    bits = {**everywhere(4, 4), "last": (4, 32)}  # the last grid would round the noise away
    network, x = prepare_training(small(), bits, [images()]), images()
    with torch.no_grad():
        plain = network(x)

        def outputs(probability: float, place: str, seed: int, step: int) -> Tensor:
            with Noise(probability, place, seed).added(network, step):
                found: Tensor = network(x)
            return found

        for place in ("after", "before"):
            assert torch.equal(outputs(1.0, place, 3, 7), outputs(1.0, place, 3, 7))
            assert not torch.equal(outputs(1.0, place, 3, 7), outputs(1.0, place, 3, 8))
            assert not torch.equal(outputs(1.0, place, 3, 7), outputs(1.0, place, 4, 7))
            assert not torch.equal(outputs(1.0, place, 3, 7), plain)
            assert torch.equal(outputs(0.0, place, 3, 7), plain)
        assert torch.equal(network(x), plain)


def test_dithering_is_unbiased_within_the_range_of_the_grid() -> None:
    """E Q(x + delta) = x, for noise before the quantizer."""
    affine = Affine(torch.tensor(0.5), None, Grid.unsigned(4))
    x = torch.full((200_000,), 1.3)
    draw = torch.Generator().manual_seed(0)
    found = (noisy(x, affine, draw) / 0.5).round().mul(0.5)
    assert found.unique().tolist() == [1.0, 1.5]
    assert abs(found.mean() - 1.3) < 4 * found.std() / len(x) ** 0.5


@pytest.mark.parametrize(
    "options",
    [{"noise": 0.0, "logits": 0.0, "channels": 0.0}, {"stages": 1, "stage_order": "ascending"}],
    ids=["no noise and no teacher", "one stage"],
)
def test_what_has_no_weight_changes_nothing_to_the_bit(
    study: Study, blocks: tuple[Block, ...], base: qat.FinetuneResult, options: dict[str, Any]
) -> None:
    order = [block.name for block in blocks]
    assert same(
        train(study, blocks, order=order, **{**PLAIN, "method": "lsq", **options}).network, base.network
    )


@pytest.fixture(scope="module")
def base(study: Study, blocks: tuple[Block, ...]) -> qat.FinetuneResult:
    torch.set_num_threads(1)
    return train(study, blocks, **{**PLAIN, "method": "lsq"})


@pytest.mark.parametrize(
    "options",
    [{"noise": 1.0}, {"logits": 0.5}, {"channels": 1.0}, {"stages": 3}, {"schedule": "linear"}],
    ids=str,
)
def test_each_part_trains_differently(
    study: Study, blocks: tuple[Block, ...], base: qat.FinetuneResult, options: dict[str, Any]
) -> None:
    order = [block.name for block in blocks]
    assert not same(
        train(study, blocks, order=order, **{**PLAIN, "method": "lsq", **options}).network, base.network
    )


def test_the_last_stage_has_at_least_half_of_the_steps() -> None:
    assert stage_starts(1, 100) == [0]
    assert stage_starts(3, 100) == [0, 25, 50]
    for count in (2, 3, 7):
        for steps in (1, 2, 39, 40):
            starts = stage_starts(count, steps)
            assert starts[0] == 0
            assert starts == sorted(starts)
            assert 2 * starts[-1] <= steps


def test_a_training_that_makes_it_worse_is_not_kept(study: Study, blocks: tuple[Block, ...]) -> None:
    """By the samples held out, the plan without training wins, and its numbers are the result's."""
    plan = Plan.uniform(study, blocks, 8, 8)
    ruined = qat.finetune(
        study,
        plan,
        blocks,
        epochs=2,
        batch_size=64,
        learning_rate=9.0,
        logits=0.0,
        channels=0.0,
        schedule="constant",
    )
    assert ruined.kept == held_out.UNTRAINED
    assert ruined.after == ruined.before
    assert ruined.held_out == 40
    names = [each.name for each in ruined.candidates]
    assert names == [held_out.UNTRAINED, "epoch 1", held_out.LAST, held_out.RE_ESTIMATED]
    assert same(ruined.network, simulate_again(study, plan, blocks))


def simulate_again(study: Study, plan: Plan, blocks: tuple[Block, ...]) -> nn.Module:
    from explorer.studies.calibration import calibration_batches

    return simulate(study.model(), plan.layer_bits(blocks), calibration_batches(study))


def test_what_is_kept_is_the_best_candidate_and_no_training_sample_is_held_out(
    study: Study, blocks: tuple[Block, ...]
) -> None:
    told = Recorder()
    found = train(study, blocks, epochs=3, learning_rate=0.02, watcher=told)
    [kept] = [each for each in found.candidates if each.name == found.kept]
    assert kept.accuracy == max(each.accuracy or 0.0 for each in found.candidates)
    assert found.after.accuracy is not None
    assert found.before.accuracy is not None
    assert found.after.accuracy > found.before.accuracy
    rows, held = held_out.split_rows(403, 0, hold=True)
    assert sorted([*rows.tolist(), *held.tolist()]) == list(range(403))
    assert [len(each) for each in held_out.split_rows(403, 0, hold=False)] == [403, 0]
    assert len(held_out.split_rows(50_000, 1, hold=True)[1]) == 1000


def test_batch_norm_estimated_again_has_the_moments_of_its_inputs() -> None:
    """Of one batch exactly its mean and variance; the network itself is left alone."""
    network = prepare_training(small(), everywhere(8, 8), [images()]).train()
    before = network.get_buffer("norm.running_mean").clone()
    seen: list[Tensor] = []
    x = images()
    again = re_estimated(network, [x])
    assert again is not None
    again.get_submodule("norm").register_forward_pre_hook(lambda layer, args: seen.append(args[0]))
    again(x)
    assert torch.allclose(again.get_buffer("norm.running_mean"), seen[0].mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(again.get_buffer("norm.running_var"), seen[0].var((0, 2, 3)), rtol=1e-4)
    assert torch.equal(network.get_buffer("norm.running_mean"), before)
    assert re_estimated(nn.Linear(2, 2), []) is None


def test_the_trace_is_the_gauss_newton_trace(study: Study, blocks: tuple[Block, ...]) -> None:
    """Against a sum over samples and classes of squared gradients, written out, on a quantized network."""
    network = simulate_again(study, Plan.uniform(study, blocks, 4, 4), blocks)
    layers = [layer.name for block in blocks for layer in block.layers]
    exact = []
    weights = [network.get_submodule(name).weight for name in layers]
    for row in range(0, 403, 6):
        outputs = network(study.data.inputs("train", torch.tensor([row])))
        p = outputs.detach().softmax(1)[0]
        root = torch.diag(p.sqrt()) - p[:, None] * p.sqrt()
        for column in root.T:
            gradients = torch.autograd.grad(outputs, weights, column[None], retain_graph=True)  # type: ignore[arg-type]
            exact.append(sum(float(each.square().sum()) for each in gradients) * 3)
    expected = sum(exact) / len(exact)
    found = weight_trace(study, network, layers, 403, seed=1, check=lambda: None)
    spread = torch.tensor(exact).view(-1, 3).mean(1).std() / len(exact[::3]) ** 0.5
    assert abs(found.value - expected) < 4 * (found.stderr**2 + float(spread) ** 2) ** 0.5
    assert found.stderr < found.value


def test_schedules_begin_and_end_where_they_say() -> None:
    def rates(name: str, warmup: int = 0) -> list[float]:
        return [optimizers.factor(name, step, steps=8, warmup=warmup) for step in range(8)]

    assert rates("linear") == [1 - step / 8 for step in range(8)]
    assert rates("constant", 4) == [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert rates("step") == [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]
    assert rates("cosine")[4] == pytest.approx(0.5)


def test_layer_norms_are_trained_by_adamw_unless_it_is_said_otherwise() -> None:
    """SGD at its usual rate ruined the shipped language model; batch norms take it."""
    layer, batch = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), nn.Sequential(nn.BatchNorm1d(4))
    assert [optimizers.usual(each) for each in (layer, batch, nn.Sequential(layer, batch), nn.Linear(4, 4))] == [
        "adamw", "sgd", "sgd", "sgd"
    ]  # fmt: skip
    assert optimizers.in_use("usual", layer) == "adamw"
    assert optimizers.in_use("sgd", layer) == "sgd"


def test_crops_move_and_flips_mirror_whole_images(study: Study) -> None:
    """Every augmented image is the image or its mirror, moved by at most the padding, with black coming in."""
    draw = torch.Generator().manual_seed(0)
    x = torch.arange(1.0, 1 + 4 * 2 * 6 * 6).view(4, 2, 6, 6)
    fill = torch.tensor([-1.0, -2.0])
    found = augmentation.cropped(augmentation.flipped(x, draw), 1, fill, draw)
    for image, made in zip(x, found, strict=True):
        padded = [
            nn.functional.pad(each - fill[:, None, None], (1, 1, 1, 1)) + fill[:, None, None]
            for each in (image, image.flip(2))
        ]
        moved = [each[:, i : i + 6, j : j + 6] for each in padded for i in range(3) for j in range(3)]
        assert any(torch.equal(made, each) for each in moved)
    assert augmentation.augmentation("usual", study) is None, (
        "only its owner knows whether a flip keeps the class"
    )
    usual = replace(study, name="cifar10-resnet20")
    assert augmentation.augmentation("usual", usual) is not None


def test_presets_are_questions_and_epochs_go_by_the_widths() -> None:
    for options in PRESETS.values():
        assert FinetuneQuestion(plan={}, **options).method in qat.METHODS
    for bits, epochs in (((8, 8), 1), ((4, 4), 3), ((8, 4), 3), ((2, 4), 5), ((2, 2), 10)):
        plan = {
            "blocks": {
                "a": {"w_bits": 8, "a_bits": 8},
                "b": dict(zip(("w_bits", "a_bits"), bits, strict=True)),
            }
        }
        assert usual_epochs(plan) == FinetuneQuestion(plan=plan).passes == epochs
    assert usual_epochs({}) == 1

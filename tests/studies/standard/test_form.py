"""The standard form: every operator with a weight is a layer, and the network computes what it did, to the bit."""

import copy
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.curvature import activation_traces, weight_traces
from explorer.errors import StudyError
from explorer.lapq import optimise
from explorer.plans import Plan
from explorer.qat.finetuning import finetune
from explorer.quantizers.simulated import freeze, latent_state, prepare_training, simulate
from explorer.studies import load_network
from explorer.studies.study import Study
from tests.curvature.networks import (
    dense_activation_trace,
    dense_weight_trace,
    seeded,
    study_of,
    token_study,
)
from tests.operators import Functional, Normed, Recurrent, TokenNet
from tests.padded import Padded

LAYERS: dict[type[nn.Module], dict[str, str]] = {
    Functional: {
        "kernel_conv2d": "Conv2d",
        "conv2d": "Conv2d",
        "matrix_product": "TransposedLinear",
        "head": "Linear",
    },
    TokenNet: {
        "embedding": "Embedding",
        "mix": "TransposedLinear",
        "attention.in_proj": "Linear",
        "attention.out_proj": "Linear",
        "cross.in_proj": "Linear",
        "cross.out_proj": "Linear",
        "heads_einsum": "Product",
    },
    Normed: {"first": "Conv2d", "second": "Linear", "last": "Linear"},
    Padded: {
        "stem": "Conv2d",
        "depthwise": "Conv2d (depthwise)",
        "standardised": "Conv2d",
        "leave": "Linear",
    },
}


def study(network: type[nn.Module]) -> Study:
    if network is TokenNet:
        return replace(token_study(6), network=seeded(TokenNet).eval())
    return study_of(seeded(network))


@pytest.fixture(scope="module", params=LAYERS, ids=lambda each: each.__name__)
def made(request: pytest.FixtureRequest) -> tuple[type[nn.Module], Study]:
    return request.param, study(request.param)


def test_every_weight_is_a_layer_under_a_name_of_its_own(made: tuple[type[nn.Module], Study]) -> None:
    kind, of = made
    assert {block.name: block.kind for block in of.blocks()} == LAYERS[kind]
    model = of.model()
    for block in of.blocks():
        assert model.get_submodule(block.name).weight is model.get_parameter(f"{block.name}.weight")


def test_without_a_quantizer_it_is_the_plain_network_to_the_bit(
    made: tuple[type[nn.Module], Study],
) -> None:
    """So are a copy, and what it was before: the plain network's own state is untouched, and loads into it."""
    kind, of = made
    x = of.data.inputs("test", slice(0, 5))
    expected = of.network(x)
    bits = {block.name: (32, 32) for block in of.blocks()}
    for each in (of.model(), copy.deepcopy(of.model()), simulate(of.model(), bits, [x])):
        assert torch.equal(each(x), expected)
    again = seeded(kind)
    again.load_state_dict(of.network.state_dict())
    assert torch.equal(again.eval()(x), expected)


def test_quantizers_train_and_freeze_where_the_operator_is(made: tuple[type[nn.Module], Study]) -> None:
    """Each input quantizer is used; what trains, what is frozen and what is simulated is one network."""
    _, of = made
    x = of.data.inputs("test", slice(0, 5))
    bits = {block.name: (3, 3) for block in of.blocks()}
    prepared = prepare_training(of.model(), bits, [x])
    used: set[str] = set()
    for name, module in prepared.named_modules():
        if name.endswith("input_quantizer"):
            module.register_forward_hook(lambda *_, name=name: used.add(name))
    found = prepared(x)
    expected = {
        "embedding.linear" if name == "embedding" else name for name in bits
    }  # tokens have no quantizer
    assert used == {f"{name}.input_quantizer" for name in expected}
    assert torch.equal(freeze(prepared)(x), found)
    assert torch.equal(simulate(of.model(), bits, [x])(x), found)
    assert not torch.allclose(found, of.network(x), rtol=1e-3, atol=1e-4)
    found.square().sum().backward()
    restored = of.model()
    restored.load_state_dict(latent_state(prepared))
    assert torch.equal(restored(x), of.model()(x))
    for block in of.blocks():
        latent = prepared.get_parameter(f"{block.name}.parametrizations.weight.original")
        assert latent.grad is not None
        assert latent.grad.abs().max() > 0, block.name


@pytest.mark.parametrize("kind", [Functional, TokenNet, Normed], ids=lambda each: each.__name__)
def test_weight_traces_are_those_of_the_dense_hessian(kind: type[nn.Module]) -> None:
    of = study(kind)
    owned = {"heads_einsum": "heads", "matrix_product": "matrix", "kernel_conv2d": "kernel"}
    owned |= {"conv2d": "weight", "head": "head_weight"}
    for block in weight_traces(of, method="exact", dtype=torch.float64).blocks:
        expected = dense_weight_trace(of, owned.get(block.name, f"{block.name}.weight"))
        assert block.trace == pytest.approx(expected, rel=1e-10), block.name


@pytest.mark.parametrize(
    ("kind", "names"), [(Functional, ("conv2d", "matrix_product")), (TokenNet, ("mix",))], ids=str
)
def test_activation_traces_are_those_of_the_dense_hessian(
    kind: type[nn.Module], names: tuple[str, ...]
) -> None:
    """Of what the operator gets; GPT-2's layer gets the positions of all samples as rows."""
    of = study(kind)
    chosen = tuple(block for block in of.blocks() if block.name in names)
    for block in activation_traces(of, blocks=chosen, method="exact", dtype=torch.float64).blocks:
        size, expected = dense_activation_trace(of, block.name)
        assert block.n == size
        assert block.trace == pytest.approx(expected, rel=1e-10)


def test_only_a_product_of_another_form_is_done_sample_by_sample() -> None:
    note = weight_traces(study(TokenNet), method="output-probes", samples=8).note
    assert "cross.in_proj, heads_einsum sample by sample, by torch.func" in note


def test_step_sizes_and_training_go_the_whole_way(made: tuple[type[nn.Module], Study]) -> None:
    _, of = made
    blocks = of.blocks()
    stages = optimise(of, w_bits=3, a_bits=3, calibration=4, leave=()).stages
    assert stages["joint"].calibration_loss <= stages["layerwise"].calibration_loss
    plan = Plan.uniform(of, blocks, 3, 3)
    trained = finetune(
        of, plan, blocks, method="lsq", epochs=1, batch_size=16, keep="last", learning_rate=0.05
    )
    assert trained.after.loss != trained.before.loss


def test_a_weight_that_is_computed_is_taken_as_it_is_and_this_is_said() -> None:
    said = study(Normed).remark
    assert said is not None
    assert said.startswith("The weight of first, second, last is computed from other parameters")


def test_what_no_layer_can_stand_for_is_named() -> None:
    recurrent = study(Recurrent)
    assert [block.name for block in recurrent.blocks()] == ["head"]
    assert recurrent.remark == (
        "In no block, and so in full precision: memory.weight_ih_l0, memory.weight_hh_l0, read by a recurrent "
        "layer's kernel, for which no layer can stand."
    )


def test_a_network_that_fails_is_refused_in_one_sentence() -> None:
    class Failing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise IndexError("no third axis")

    with pytest.raises(StudyError, match="cannot take one image alone: IndexError: no third axis"):
        study_of(Failing()).model()


def test_a_layer_that_is_called_and_read_is_one_layer_with_two_calls() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.square = nn.Linear(4, 4)
            self.first = nn.Conv2d(2, 4, 6)

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(self.square(self.first(x).flatten(1)), self.square.weight)[:, :3]

    of = study_of(seeded(Both))
    (first, square) = of.blocks()
    assert (square.name, square.layers[0].calls, square.layers[0].shared) == ("square", 2, ())
    x = of.data.inputs("test", slice(0, 3))
    assert torch.equal(of.model()(x), of.network(x))
    exact = weight_traces(of, method="exact", dtype=torch.float64)
    assert exact.blocks[1].trace == pytest.approx(dense_weight_trace(of, "square.weight"), rel=1e-10)
    assert first.name == "first"


def test_plain_networks_stay_what_they_are() -> None:
    """No class, no module and no name changes, so that results of shipped studies stay results of the same thing."""
    of = load_network("fashion-thin")
    model, plain = of.model(), of.network
    assert [type(each) for each in model.modules()] == [type(each) for each in plain.modules()]
    assert all(
        vars(a).keys() == vars(b).keys() for a, b in zip(model.modules(), plain.modules(), strict=True)
    )
    assert of.remark is None
